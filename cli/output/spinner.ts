import type {Cli} from '../cli.ts';

/** On a terminal, one line on standard error that says what goes on now. Elsewhere it shows nothing. */
export type Spinner = Disposable & {
  /** Takes the line away, so that something else can be written; it comes again by itself. */
  clear(): void;
};

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/** Milliseconds. */
const frameTime = 120;

/** `present` is asked for each frame; undefined while there is nothing to say. */
export function createSpinner(
  {stderr, clock}: Pick<Cli, 'stderr' | 'clock'>,
  present: () => string | undefined,
): Spinner {
  const live = stderr.isTTY === true;
  let frame = 0;
  let timer: Disposable | undefined;

  const clear = () => {
    if (live) {
      stderr.write('\r\u001B[K');
    }
  };
  const spin = () => {
    const text = present();
    if (text !== undefined) {
      const line = `${frames[frame % frames.length]} ${text}`;
      frame += 1;
      clear();
      stderr.write([...line].slice(0, (stderr.columns ?? 80) - 1).join(''));
    }

    timer = clock.schedule(frameTime, spin);
  };

  if (live) {
    timer = clock.schedule(frameTime, spin);
  }

  return {
    clear,
    [Symbol.dispose]() {
      if (timer !== undefined) {
        timer[Symbol.dispose]();
        timer = undefined;
        clear();
      }
    },
  };
}
