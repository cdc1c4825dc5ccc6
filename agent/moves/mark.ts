/** What a driver keeps with a copy that is not accepted: of which transfer it is, and of which run of its source. */
export type Mark = {readonly transfer: string; readonly sourceStartedAt?: string};

export function formatMark({transfer, sourceStartedAt}: Mark): string {
  return sourceStartedAt === undefined ? transfer : `${transfer} ${sourceStartedAt}`;
}

export function parseMark(text: string): Mark {
  const [transfer = '', sourceStartedAt] = text.split(' ');
  return sourceStartedAt === undefined ? {transfer} : {transfer, sourceStartedAt};
}
