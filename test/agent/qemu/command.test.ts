import test from 'ava';
import type {CommandOptions} from '../../../agent/qemu/command.ts';
import {qemuCommand} from '../../../agent/qemu/command.ts';
import {exampleRecord} from './example-record.ts';

function command(change: Partial<CommandOptions> = {}): string {
  return qemuCommand({
    program: 'qemu',
    record: exampleRecord,
    accelerator: 'tcg',
    image: '/images/x',
    guarded: true,
    asRoot: true,
    ...change,
  }).join(' ');
}

test('a machine has the processors and the memory of its limits', t => {
  t.regex(command(), / -smp 2 -m size=512M /);
});

test('with KVM it has the processor itself, without it an emulated one', t => {
  t.regex(command({accelerator: 'kvm'}), / -accel kvm -cpu host /);
  t.notRegex(command({accelerator: 'kvm'}), /mitigations=off/);
  t.regex(command(), / -accel tcg,\S+ -cpu max /);
});

test('its ports are on its own loopback address and nowhere else', t => {
  const forwards = [...command().matchAll(/hostfwd=([^,\s]+)/g)].map(([, forward]) => forward);
  t.deepEqual(forwards, ['tcp:127.64.1.2:2022-10.0.2.15:22', 'tcp:127.64.1.2:2023-10.0.2.15:1022']);
});

test('without a guard it reaches nobody', t => {
  t.regex(command({guarded: false}), /-netdev user,\S*restrict=on/);
  t.regex(command({guarded: true}), /-netdev user,\S*restrict=off/);
});

test('as root it becomes a user of its own; otherwise nothing may change its rights', t => {
  t.regex(command({asRoot: true}), / -runas 1879048450:1879048450$/);
  t.notRegex(command({asRoot: false}), /-runas/);
  t.regex(command({asRoot: false}), /-sandbox \S*elevateprivileges=deny/);
});

test('no secret is in its arguments, and no monitor on a network', t => {
  t.notRegex(command(), /PRIVATE|agent private/);
  t.notRegex(command(), /(?:-monitor|-qmp) (?:tcp|telnet)/);
});
