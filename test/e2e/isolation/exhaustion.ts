import assert from 'node:assert/strict';
import type {TestFn} from 'ava';
import {eventually} from '../eventually.ts';
import {fetchText} from '../workspaces.ts';
import type {Inmates} from './inmates.ts';

/** System calls in Perl, which every Debian has; the numbers are those of x86-64, and of ARM64. */
const numbers = (intel: number, arm: number) => `my $nr = \`uname -m\` =~ /aarch64/ ? ${arm} : ${intel};`;
const inotifyInstance = `${numbers(294, 26)} sub one { return syscall($nr, 0) }`;
/** Into the keyring of the user, -4. */
const kernelKey = `${numbers(248, 217)} my ($type, $value) = ("user", "x"); sub one { my $name = "key $_[0]"; return syscall($nr, $type, $name, $value, 1, -4) }`;

/** What one workspace can use up so that others, and the node, have none. */
export function exhaustion(test: TestFn, inmates: () => Inmates): void {
  const others = async (): Promise<void> => {
    const {victim, node, installation} = inmates();
    assert.equal(
      await fetchText(await installation.nexus.client().get('Workspace', 'victim'), 'web'),
      'victim',
    );
    assert.equal(await victim.must('echo alive'), 'alive');
    await node.must(['sh', '-c', 'true | true']);
  };

  test.serial('a workspace that writes into memory as if it were a disk is held at its limit', async t => {
    const {mallory} = inmates();
    const {stdout} = await mallory.sh(
      "for place in /dev/shm /run /tmp; do dd if=/dev/zero of=$place/hog bs=1M count=600 2>/dev/null; stat -c %s $place/hog 2>/dev/null; done; rm -f /dev/shm/hog /run/hog; free -b | awk '/^Mem/ {print $2}'",
    );
    await others();
    // Files in memory belong to no process that could be ended for them: at last its init may be, and then it is started again.
    await eventually(async () => void (await mallory.must('rm -f /dev/shm/hog /run/hog /tmp/hog')));
    await others();
    t.notRegex(stdout, /^629145600\n629145600\n/, 'both of /dev/shm and /run took more than there is memory');
  });

  test.serial('the number of its processes is limited, and many of them are its own trouble', async t => {
    const {mallory} = inmates();
    const most = await mallory.must(
      'cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max /proc/sys/kernel/threads-max 2>/dev/null | grep -v max | sort -n | head -n 1',
    );
    t.true(Number(most) > 0 && Number(most) <= 16_384, `as many as ${most}`);
    // They sleep, and are fewer than the limit, for the sake of whatever else this machine does: its memory may be used up by them before.
    const forked = await mallory.sh(
      `perl -e '$SIG{TERM} = "IGNORE"; while (defined(my $pid = fork)) { if ($pid == 0) { sleep 600; exit } last if ++$n >= 3000 } print $n'`,
    );
    t.true(Number(forked.stdout || 0) <= Number(most), forked.stdout);
    await others();
    await eventually(async () => void (await mallory.must('pkill -KILL perl || ! pgrep perl')));
    await eventually(async () => assert.equal((await mallory.sh('pgrep perl')).code, 1));
    t.is(await mallory.must('echo well'), 'well');
  });

  test.serial('a workspace uses no more processors than it was given, whatever it starts', async t => {
    const {mallory} = inmates();
    const used = await mallory.must(
      `TIMEFORMAT='%U %S %R'; { time (for i in 1 2 3 4; do timeout 3 sh -c 'while :; do :; done' & done; wait); } 2>&1 | tail -n 1`,
    );
    const [user = 0, system = 0, real = 1] = used.split(' ').map(Number);
    t.true(user > 0);
    t.true((user + system) / real < 1.4, used);
  });

  test.serial('a disk that is full is its own workspace’s trouble', async t => {
    const {mallory, victim} = inmates();
    const {stdout} = await mallory.sh(
      'fallocate -l 1500M /home/dev/most; dd if=/dev/urandom of=/home/dev/rest bs=1M count=800 conv=fsync 2>&1',
    );
    t.regex(stdout, /quota exceeded|No space left/i);
    await others();
    await victim.must('dd if=/dev/urandom of=/home/dev/some bs=1M count=20 conv=fsync && rm /home/dev/some');
    await mallory.must('rm /home/dev/most /home/dev/rest');
  });

  // What the kernel counts by user and not by control group. Fails without users of its own, and with the kernel's defaults.
  for (const [what, call] of [
    ['watchers of files', inotifyInstance],
    ['kernel keys', kernelKey],
  ] as const) {
    test.serial(`${what} that one workspace hoards are not missing in another`, async t => {
      const {mallory, victim} = inmates();
      const one = `perl -e '${call} exit(one(1) < 0)'`;
      const able = (await victim.sh(one)).code;
      await mallory.must(
        `ulimit -n 4096; setsid perl -e '${call} for my $i (1 .. 3000) { last if one($i) < 0; $n++ } open(my $f, ">", "/tmp/hoard"); print $f $n // 0; close($f); sleep 600' </dev/null >/dev/null 2>&1 &`,
      );
      await eventually(async () => assert.match(await mallory.must('cat /tmp/hoard'), /^\d+$/));
      t.is((await victim.sh(one)).code, able);
      t.is(await victim.must('systemd-run --wait --quiet --pipe echo a service starts'), 'a service starts');
      await mallory.must('pkill perl; rm /tmp/hoard');
    });
  }
}
