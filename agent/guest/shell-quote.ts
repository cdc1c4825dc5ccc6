/** `value` as one word of a POSIX shell: single quotes take everything literally but a single quote, which no NUL can stand in for. */
export function quote(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** A file that a POSIX shell reads with `.` to get exactly these variables. Names are what the API admits: letters, digits and _. */
export function environmentFile(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `export ${name}=${quote(value)}\n`)
    .join('');
}
