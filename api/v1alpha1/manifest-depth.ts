/** Deeper nesting than any resource has; deeper input is an attack or a mistake. */
export const depthLimit = 64;

/**
 * Whether YAML text nests deeper than {@link depthLimit}, judged without parsing: the parser recurses, and takes minutes for some hostile
 * megabytes. In block style each level begins at a column of its own (of content, or of a `-`, `?` or `:`); in flow style each takes a
 * bracket. Scripts in the text are counted as if they were structure, so more than {@link depthLimit} unclosed brackets in one are refused too.
 */
export function nestsTooDeep(text: string): boolean {
  return bracketsTooDeep(text) || columnsTooDeep(text);
}

function bracketsTooDeep(text: string): boolean {
  let open = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '[' || character === '{') {
      open += 1;
      if (open > depthLimit) {
        return true;
      }
    } else if ((character === ']' || character === '}') && open > 0) {
      open -= 1;
    }
  }

  return false;
}

function columnsTooDeep(text: string): boolean {
  const columns: number[] = [];
  for (const line of text.split('\n')) {
    for (const column of levelsOf(line)) {
      while ((columns.at(-1) ?? -1) >= column) {
        columns.pop();
      }

      columns.push(column);
      if (columns.length > depthLimit) {
        return true;
      }
    }
  }

  return false;
}

/** Columns where a level may begin in this line, at most one more than the limit. */
function levelsOf(line: string): number[] {
  const columns: number[] = [];
  let column = 0;
  while (column < line.length && columns.length <= depthLimit) {
    const character = line[column];
    if (character === ' ' || character === '\t' || character === '\r') {
      column += 1;
      continue;
    }

    columns.push(column);
    const next = line[column + 1];
    const isIndicator =
      (character === '-' || character === '?' || character === ':') &&
      (next === ' ' || next === '\t' || next === undefined);
    if (!isIndicator) {
      break;
    }

    column += 1;
  }

  return columns;
}
