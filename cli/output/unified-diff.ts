type Edit = {readonly type: 'same' | 'removed' | 'added'; readonly line: string};

/** Lines of context around a change. */
const context = 3;

/** The lines of a unified diff, without the two that name the files; none when both are the same. Pure. */
export function unifiedDiff(before: readonly string[], after: readonly string[]): string[] {
  const edits = editsBetween(before, after);
  const near = edits.map((_, index) =>
    edits.slice(Math.max(0, index - context), index + context + 1).some(({type}) => type !== 'same'),
  );
  const lines: string[] = [];
  let left = 1;
  let right = 1;
  for (let index = 0; index < edits.length; index += 1) {
    if (near[index] === true && near[index - 1] !== true) {
      const rest = near.indexOf(false, index);
      const hunk = edits.slice(index, rest === -1 ? undefined : rest);
      const lengthOf = (type: Edit['type']) => hunk.filter(edit => edit.type !== type).length;
      lines.push(`@@ -${left},${lengthOf('added')} +${right},${lengthOf('removed')} @@`);
    }

    const edit = edits[index];
    if (edit !== undefined && near[index] === true) {
      lines.push(`${{same: ' ', removed: '-', added: '+'}[edit.type]}${edit.line}`);
    }

    left += edit?.type === 'added' ? 0 : 1;
    right += edit?.type === 'removed' ? 0 : 1;
  }

  return lines;
}

/** The fewest edits (Myers 1986), removals before additions. Takes (lines × differences) steps. */
function editsBetween(before: readonly string[], after: readonly string[]): Edit[] {
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: ReadonlyMap<number, number>[] = [];
  for (let distance = 0; ; distance += 1) {
    trace.push(new Map(furthest));
    for (let diagonal = -distance; diagonal <= distance; diagonal += 2) {
      let x = nextX(furthest, diagonal, distance);
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) {
        x += 1;
      }

      furthest.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) {
        return backtrack(trace, before, after);
      }
    }
  }
}

function nextX(furthest: ReadonlyMap<number, number>, diagonal: number, distance: number): number {
  const down = furthest.get(diagonal + 1) ?? 0;
  const right = (furthest.get(diagonal - 1) ?? -1) + 1;
  return diagonal === -distance || (diagonal !== distance && right - 1 < down) ? down : right;
}

function backtrack(
  trace: readonly ReadonlyMap<number, number>[],
  before: readonly string[],
  after: readonly string[],
): Edit[] {
  const edits: Edit[] = [];
  let x = before.length;
  let y = after.length;
  for (let distance = trace.length - 1; distance >= 0; distance -= 1) {
    const furthest = trace[distance] ?? new Map<number, number>();
    const diagonal = x - y;
    const down = furthest.get(diagonal + 1) ?? 0;
    const right = furthest.get(diagonal - 1) ?? -1;
    const isDown = diagonal === -distance || (diagonal !== distance && right < down);
    const previousX = isDown ? down : right;
    const previousY = previousX - (isDown ? diagonal + 1 : diagonal - 1);
    while (x > previousX && y > previousY && x > 0 && y > 0) {
      x -= 1;
      y -= 1;
      edits.push({type: 'same', line: before[x] ?? ''});
    }

    if (distance > 0) {
      edits.push(
        isDown
          ? {type: 'added', line: after[previousY] ?? ''}
          : {type: 'removed', line: before[previousX] ?? ''},
      );
      x = previousX;
      y = previousY;
    }
  }

  return edits.reverse();
}
