import {execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';

/** A host that the node can reach and that is not the node: a network namespace with a server that says `world`. */
export type World = AsyncDisposable & {
  readonly address: string;
  readonly port: number;
  /** The node's own address on that network. */
  readonly gateway: string;
};

const server = `require('node:net').createServer(socket => socket.end('world\\n')).listen(80, () => console.log('up'))`;

/** Needs root. */
export async function openWorld(): Promise<World> {
  // Of the range that is set aside for tests of networks; different for tests that run side by side.
  const number = process.pid % 254;
  const [name, gateway, address] = [`wq${process.pid}`, `198.18.${number}.1`, `198.18.${number}.2`];
  const ip = (...args: readonly string[]) => execFileSync('ip', args, {stdio: 'pipe'});
  ip('netns', 'add', name);
  ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  ip('address', 'add', `${gateway}/30`, 'dev', name);
  ip('link', 'set', name, 'up');
  ip('-n', name, 'address', 'add', `${address}/30`, 'dev', 'eth0');
  ip('-n', name, 'link', 'set', 'eth0', 'up');
  const child = spawn('ip', ['netns', 'exec', name, process.execPath, '-e', server], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return {
    address,
    gateway,
    port: 80,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await once(child, 'exit');
      ip('netns', 'delete', name);
    },
  };
}
