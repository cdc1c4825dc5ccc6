/** What trying again cannot mend: the key is looked at again only when something changes. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}
