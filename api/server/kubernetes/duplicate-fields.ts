import {fieldAt, itemAt} from '../../resource-schema/field-path.ts';

type Frame = {
  readonly path: string;
  /** Of a mapping; undefined in a list. */
  readonly names: Set<string> | undefined;
  /** Those of them that were told of. */
  readonly told: Set<string>;
  name: string;
  index: number;
  expectsName: boolean;
};

const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Of one text, so that an answer is not larger than what it answers. */
const maximum = 100;

/** Paths of the first 100 fields that a JSON text, which must be well-formed, gives more than once: its parser keeps the last silently. */
export function duplicateFields(text: string): string[] {
  const duplicates = new Set<string>();
  const stack: Frame[] = [];
  for (const [part] of text.matchAll(token)) {
    const frame = stack.at(-1);
    if (part === '{' || part === '[') {
      stack.push({
        path: pathIn(frame),
        names: part === '{' ? new Set() : undefined,
        told: new Set(),
        name: '',
        index: 0,
        expectsName: part === '{',
      });
    } else if (part === '}' || part === ']') {
      stack.pop();
    } else if (frame !== undefined && part === ',') {
      frame.index += 1;
      frame.expectsName = frame.names !== undefined;
    } else if (frame?.names !== undefined && frame.expectsName) {
      frame.name = String(JSON.parse(part));
      frame.expectsName = false;
      if (frame.names.has(frame.name) && !frame.told.has(frame.name)) {
        frame.told.add(frame.name);
        duplicates.add(fieldAt(frame.path, frame.name));
        if (duplicates.size === maximum) {
          break;
        }
      }

      frame.names.add(frame.name);
    }
  }

  return [...duplicates];
}

function pathIn(frame: Frame | undefined): string {
  if (frame === undefined) {
    return '';
  }

  return frame.names === undefined ? itemAt(frame.path, frame.index) : fieldAt(frame.path, frame.name);
}
