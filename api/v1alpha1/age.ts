const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/**
 * How long ago `timestamp` was, as kubectl writes ages: the two largest units while the larger is small (`5m12s`, `3h5m`,
 * `2d4h`), one beyond (`47m`, `12h`, `30d`). `-` for no timestamp; a time ahead of `now` counts as now.
 */
export function age(timestamp: string | undefined, now: number): string {
  if (timestamp === undefined) {
    return '-';
  }

  const elapsed = Math.max(0, now - Date.parse(timestamp));
  const index = units.findIndex(([, size]) => elapsed >= size);
  const unit = units[index];
  if (unit === undefined) {
    return '0s';
  }

  const [name, size] = unit;
  const whole = Math.floor(elapsed / size);
  const next = units[index + 1];
  const rest = next === undefined ? 0 : Math.floor((elapsed % size) / next[1]);
  return whole < 10 && next !== undefined && rest > 0
    ? `${whole}${name}${rest}${next[0]}`
    : `${whole}${name}`;
}
