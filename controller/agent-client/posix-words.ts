/** One command line that a POSIX shell splits into exactly these words. Throws TypeError for a NUL, which no argument can hold. */
export function posixWords(words: readonly string[]): string {
  return words.map(quote).join(' ');
}

function quote(word: string): string {
  if (word.includes('\0')) {
    throw new TypeError('an argument of a command can not hold a NUL');
  }
  return /^[A-Za-z0-9_/:.,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
