import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import type {Clock} from '../../api/effects/clock.ts';
import type {ExecHandler} from './fake-process.ts';

/** The few commands that the driver contract uses; anything else is not there, and neither is the folder /missing. */
export function fakeCommands(clock: Clock): ExecHandler {
  const commands: Readonly<Record<string, ExecHandler>> = {
    true: async () => 0,
    false: async () => 1,

    async echo({command, stdout}) {
      stdout.write(`${command.slice(1).join(' ')}\n`);
      return 0;
    },

    async cat({stdin, stdout}) {
      await pipeline(stdin, stdout, {end: false});
      return 0;
    },

    async sleep({command, killed}) {
      await clock.sleep(Number(command[1]) * 1000, killed);
      return 0;
    },

    async pwd({directory, user, stdout}) {
      stdout.write(`${directory ?? homeOf(user)}\n`);
      return 0;
    },

    async id({user, stdout}) {
      stdout.write(`${user}\n`);
      return 0;
    },

    async printenv({command, env, user, stdout}) {
      const value = {HOME: homeOf(user), USER: user, ...env}[command[1] ?? ''];
      if (value === undefined) return 1;
      stdout.write(`${value}\n`);
      return 0;
    },

    /** `head -c BYTES /dev/zero` */
    async head({command, stdout}) {
      const size = 65_536;
      const blocks = function* () {
        for (let left = Number(command[2]); left > 0; left -= size)
          yield new Uint8Array(Math.min(left, size));
      };
      await pipeline(Readable.from(blocks()), stdout, {end: false});
      return 0;
    },

    async ls({command, stderr}) {
      stderr.write(`ls: cannot access '${command[1]}': No such file or directory\n`);
      return 2;
    },
  };

  return async call => {
    if (call.directory === '/missing') {
      call.stderr.write("nexus: cd: can't cd to /missing\n");
      return 1;
    }

    return (await commands[call.command[0] ?? '']?.(call)) ?? 127;
  };
}

function homeOf(user: string): string {
  return user === 'root' ? '/root' : `/home/${user}`;
}
