import {Box, Text} from 'ink';
import type {ReactElement} from 'react';

type Props = {
  readonly lines: readonly string[];
  /** First line shown; undefined shows the end. */
  readonly first: number | undefined;
  readonly rows: number;
};

/** Lines of text, one each row, cut at the edge. */
export function TextScreen({lines, first, rows}: Props): ReactElement {
  const last = Math.max(0, lines.length - rows);
  const start = Math.min(first ?? last, last);
  return (
    <Box flexDirection="column">
      {lines.slice(start, start + rows).map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place
        <Text key={start + index} wrap="truncate">
          {line.replace(/[^\P{Cc}\t]/gu, '') || ' '}
        </Text>
      ))}
    </Box>
  );
}
