/** `Warning` as kubectl prints it; nothing for no warnings. */
export function warningHeader(warnings: readonly string[]): Record<string, string> {
  return warnings.length === 0
    ? {}
    : {Warning: warnings.map(text => `299 - ${JSON.stringify(ascii(text))}`).join(', ')};
}

/** Headers hold no others. */
function ascii(text: string): string {
  return text.replaceAll(/[^\x20-\x7E]/g, '?').slice(0, 1000);
}
