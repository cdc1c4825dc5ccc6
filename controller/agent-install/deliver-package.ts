import {Transform} from 'node:stream';
import type {AgentPackage, PackageFile, Packing} from './agent-package.ts';
import type {Machine} from './machine.ts';
import {readMachineScript} from './machine-script.ts';

export type DeliveryOptions = {
  /** From `inspectMachine`. */
  readonly packing: Packing;
  readonly signal: AbortSignal;
  readonly progress?: (progress: DeliveryProgress) => void;
};

/** Bytes, unpacked; what the machine has already is not among them. */
export type DeliveryProgress = {readonly sent: number; readonly total: number};

const begin = readMachineScript('begin');
const receive = readMachineScript('receive');
const publish = readMachineScript('publish');
const switchTo = readMachineScript('switch');

/** Files that travel at once: an sshd allows 10 sessions on a connection by default, and the agent's own may be one. */
const atOnce = 4;

/** Milliseconds that the machine may take to check what it has, or to write what it was sent to its disk. */
const silence = 300_000;

/** Smaller files travel as they are. Bytes. */
const worthPacking = 16_384;

/**
 * Brings a package onto a machine, below the login user's home, and proves there by SHA-256 that it is whole and by starting it that it runs. What is
 * there already is not sent again, so that one that was interrupted goes on where it was. Nothing uses it before {@link switchVersion}. Answers with
 * the bytes that were sent. Throws what {@link Machine} does.
 */
export async function deliverPackage(
  machine: Machine,
  {id, files}: AgentPackage,
  {packing, signal, progress = () => {}}: DeliveryOptions,
): Promise<DeliveryProgress> {
  const wanted = files.map(({sha256, path}) => `${sha256} ${path}\n`).join('');
  const present = await machine.run(begin.command(id), {input: wanted, silence, signal});
  const held = new Set(present.split('\n'));
  const missing = files.filter(({path}) => !held.has(path));
  const total = missing.reduce((sum, {size}) => sum + size, 0);
  let sent = 0;
  progress({sent, total});

  await eachOf(missing, async file => {
    const {path, sha256, size} = file;
    const how = size < worthPacking ? 'none' : packing;
    const {content, size: packedSize} = await file.open(how);
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sent += (chunk.length / packedSize) * size;
        progress({sent: Math.round(sent), total});
        done(undefined, chunk);
      },
    });
    content.on('error', error => counted.destroy(error));
    try {
      await machine.run(receive.command(id, path, sha256, modeOf(file), how), {
        input: content.pipe(counted),
        silence,
        signal,
      });
    } finally {
      content.destroy();
    }
  });

  const whole = files.map(file => `${file.sha256} ${modeOf(file)} ${file.path}\n`).join('');
  await machine.run(publish.command(id), {input: whole, silence, signal});
  return {sent: total, total};
}

/** Makes an installed version the one that is started from now on; what runs is not touched. Answers with the one before, if any. */
export async function switchVersion(
  machine: Machine,
  id: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const before = await machine.run(switchTo.command(id), {silence, signal});
  return before.trim() || undefined;
}

function modeOf({executable}: PackageFile): string {
  return executable ? '700' : '600';
}

/** A few at once; the first failure ends it, once those that run have ended. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  let failed = false;
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined && !failed; item = waiting.shift()) {
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({length: atOnce}, worker));
  const failure = results.find(result => result.status === 'rejected');
  if (failure !== undefined) {
    throw failure.reason;
  }
}
