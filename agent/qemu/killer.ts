import type {ClientChannel} from 'ssh2';
import type {Channel} from './channel.ts';

/** Sends a signal to a command and all that it began, by the command's process id inside the machine. */
export type Killer = (processId: number, signal: string) => void;

/** Reads a process group and a signal from each line. */
const script = 'while read -r group name; do kill -s "$name" -- "-$group"; done 2>/dev/null';

/** sshd does not pass signals on to what root runs, so that one shell that waits inside sends them: quicker than a new one for each. */
export function createKiller({client}: Channel): Killer {
  let session: Promise<ClientChannel> | undefined;

  const open = async (): Promise<ClientChannel> =>
    await new Promise((resolve, reject) => {
      client.exec(script, (error, channel) => {
        if (error !== undefined) {
          reject(error);
          return;
        }
        channel.on('error', () => {});
        channel.resume();
        channel.stderr.resume();
        channel.once('close', () => {
          session = undefined;
        });
        resolve(channel);
      });
    });

  return (processId, signal) => {
    if (!Number.isInteger(processId) || processId <= 1) return;
    session ??= open();
    session.then(
      channel => channel.write(`${processId} ${signal.replace(/^SIG/, '')}\n`),
      () => {
        session = undefined;
      },
    );
  };
}
