import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import type {Setting} from './setting.ts';

/** What follows `ssh` to enter a workspace through the gateway, and at its own address, both with pinned keys. */
export type Commands = {readonly through: readonly string[]; readonly direct: readonly string[]};

export async function commandsFor({nexus}: Setting, workspace: string): Promise<Commands> {
  const config = path.join(nexus.folder, `ssh-${workspace}`);
  await writeFile(config, await nexus.must('ssh', 'config', workspace, '--via', 'gateway'));
  const address = (await nexus.client().get('Workspace', workspace)).status?.instance?.address;
  const through = ['-F', config, `${workspace}.nexus`];
  return {through, direct: ['-o', 'ProxyJump=none', '-o', `HostName=${address}`, ...through]};
}

/** Runs a command there, its output counted in bytes. Milliseconds from the first of them to the end. */
export async function measureOutput(
  args: readonly string[],
  command: string,
): Promise<{bytes: number; time: number}> {
  const child = spawn('ssh', [...args, command], {stdio: ['ignore', 'pipe', 'inherit']});
  let begin = Number.NaN;
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    begin = bytes === 0 ? performance.now() : begin;
    bytes += chunk.length;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) {
    throw new Error(`ssh ${args.join(' ')} ended with ${code}`);
  }

  return {bytes, time: performance.now() - begin};
}

/** A session that answers each byte with a byte. Dispose of it to end it. */
export async function openEcho(
  args: readonly string[],
): Promise<{trip(): Promise<number>; [Symbol.dispose](): void}> {
  const child = spawn('ssh', [...args, 'exec cat'], {stdio: ['pipe', 'pipe', 'inherit']});
  const trip = async () => {
    const begin = performance.now();
    const answered = once(child.stdout, 'data');
    child.stdin.write('.');
    await answered;
    return performance.now() - begin;
  };
  await trip();
  return {trip, [Symbol.dispose]: () => void child.kill()};
}
