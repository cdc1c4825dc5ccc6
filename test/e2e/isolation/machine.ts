import type {TestFn} from 'ava';
import type {Inmates} from './inmates.ts';

/** What one workspace can see and touch of the machine that it is on, and of others there. */
export function machineIsolation(test: TestFn, inmates: () => Inmates): void {
  test.serial('a workspace sees no process of another one, nor of the node', async t => {
    const {mallory, victim, node} = inmates();
    await victim.must('setsid sleep 123456 </dev/null >/dev/null 2>&1 &');
    await node.must(['sh', '-c', 'setsid sleep 234567 </dev/null >/dev/null 2>&1 &']);
    const commands = `cat /proc/[0-9]*/cmdline | tr '\\0' ' '`;
    const seen = await mallory.must(commands);
    t.notRegex(seen, /sleep 123456|sleep 234567|incusd|lxd|agent --daemon/);
    t.regex(await victim.must(commands), /sleep 123456/);
  });

  test.serial('a workspace finds no socket of the backend, of the agent or of another workspace', async t => {
    const {mallory} = inmates();
    const places = [
      '/dev/incus/sock',
      '/dev/lxd/sock',
      '/var/lib/incus/unix.socket',
      '/var/lib/lxd/unix.socket',
      '/run/incus/unix.socket',
      '/run/docker.sock',
      '/var/run/docker.sock',
      '/root/.nexus/agent/agent.sock',
    ];
    t.is(await mallory.must('for place; do [ ! -e "$place" ] || echo "$place"; done', ...places), '');
    const listening = await mallory.must(
      `cut -d ' ' -f 8 /proc/net/unix | grep -iE 'incus|lxd|docker|nexus' || true`,
    );
    t.is(listening, '', 'nor one without a file');
  });

  test.serial('what another workspace has written is nowhere to be found', async t => {
    const {mallory, victim} = inmates();
    await victim.must('echo secret-of-victim >/home/dev/secret; sync');
    t.is(await mallory.must('cat /home/dev/secret 2>/dev/null || true'), '');
    const mounts = await mallory.must('cat /proc/self/mountinfo');
    t.false(mounts.includes(victim.uid), mounts);
  });

  // Fails in a privileged container, or with a device passed on.
  test.serial('disks of the node can be neither read nor mounted', async t => {
    const {mallory} = inmates();
    const script = `
device=$(findmnt -n -o MAJ:MIN /)
for number in "$device" 7:0 8:0 252:0 254:0 253:0; do
  rm -f /root/disk
  mknod /root/disk b "\${number%:*}" "\${number#*:}" 2>/dev/null || continue
  head -c 1 /root/disk >/dev/null 2>&1 && echo "read $number"
  mount -o ro /root/disk /mnt 2>/dev/null && echo "mounted $number"
done
for device in /dev/loop* /dev/sd* /dev/vd* /dev/nvme* /dev/mem /dev/kmem /dev/port; do
  [ -e "$device" ] && head -c 1 "$device" >/dev/null 2>&1 && echo "read $device"
done
true`;
    t.is(await mallory.must(script), '');
  });

  test.serial(
    'settings of the kernel that hold for the whole node can’t be changed, nor is it told to restart',
    async t => {
      const {mallory, node} = inmates();
      const settings = ['/proc/sys/kernel/panic', '/proc/sys/vm/swappiness', '/proc/sys/kernel/core_pattern'];
      const read = async () => await node.must(['cat', ...settings, '/proc/sys/kernel/random/boot_id']);
      const before = await read();
      for (const setting of settings) {
        await mallory.sh('echo 1 >"$1"; echo "|/bin/true" >"$1"', setting);
      }
      await mallory.sh('echo c >/proc/sysrq-trigger; echo b >/proc/sysrq-trigger');
      t.is(await read(), before);
      t.not((await mallory.sh('echo 0 >/sys/devices/system/cpu/cpu1/online')).code, 0);
      t.not((await mallory.sh('dmesg')).code, 0, 'nor is what it says to be read');
    },
  );

  test.serial('a workspace can’t take the limits off that it was given', async t => {
    const {mallory, node, victim} = inmates();
    // Wherever they are, and whichever version the control groups have.
    await mallory.sh(`
mount -o remount,rw /sys/fs/cgroup 2>/dev/null
for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max \\
  /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max; do
  echo max >"$file"; echo -1 >"$file"
done 2>/dev/null`);
    const hog = await mallory.sh('head -c 700000000 /dev/zero | tail -c 690000000 | wc -c');
    t.not(hog.stdout.trim(), '690000000');
    t.is(await victim.must('echo alive'), 'alive');
    t.is((await node.run(['true'])).code, 0);
  });
}
