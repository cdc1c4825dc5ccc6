import {Box, Text} from 'ink';
import type {ReactElement, ReactNode} from 'react';
import type {Screen, State, View} from '../state.ts';
import {currentScreen} from '../state.ts';

type Props = {
  readonly state: State;
  readonly server: string;
  readonly columns: number;
  readonly rows: number;
  readonly children: ReactNode;
};

/** Rows of the terminal that the frame takes: header, and prompt or hints. */
export const frameRows = 2;

export function Frame({state, server, columns, rows, children}: Props): ReactElement {
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      <Header state={state} server={server} />
      <Box flexDirection="column" flexGrow={1} overflow="hidden">
        {children}
      </Box>
      <Footer state={state} />
    </Box>
  );
}

function Header({state, server}: {state: State; server: string}): ReactElement {
  return (
    <Text wrap="truncate">
      <Text bold color="cyan">
        nexus
      </Text>
      {` ${server} `}
      {state.connection.up ? (
        <Text color="green">live</Text>
      ) : (
        <Text color="red">{`not connected: ${state.connection.message ?? ''}; what is shown is getting old`}</Text>
      )}
      <Text bold>{`  ${state.screens.map(titleOf).join(' › ')}`}</Text>
      {state.filter !== '' && state.prompt?.type !== 'filter' && (
        <Text color="yellow">{`  /${state.filter}`}</Text>
      )}
      {state.marked.size > 0 && <Text color="yellow">{`  ${state.marked.size} marked`}</Text>}
    </Text>
  );
}

function Footer({state}: {state: State}): ReactElement {
  const {prompt, notice} = state;
  switch (prompt?.type) {
    case 'filter':
      return <Text wrap="truncate">{`/${prompt.text}▏`}</Text>;
    case 'command':
      return <Text wrap="truncate">{`:${prompt.text}▏`}</Text>;
    case 'confirmDelete':
      return (
        <Text color="red" wrap="truncate">
          {`Delete ${prompt.workspaces.join(', ')}? Work that is not pushed is kept for undelete. y deletes, any other key does not.`}
        </Text>
      );
    case undefined:
      return notice === undefined ? (
        <Text dimColor wrap="truncate">
          {hintOf(currentScreen(state))}
        </Text>
      ) : (
        <Text color={notice.tone === 'good' ? 'green' : 'red'} wrap="truncate">
          {notice.text}
        </Text>
      );
  }
}

function titleOf(screen: Screen): string {
  switch (screen.type) {
    case 'table':
      return screen.view;
    case 'describe':
      return `${screen.kind.toLowerCase()}/${screen.name}`;
    case 'logs':
      return `logs of ${screen.workspace}/${screen.source.type === 'service' ? screen.source.name : 'setup'}`;
    case 'help':
      return 'help';
  }
}

const viewHints: Record<View, string> = {
  workspaces: 'l logs  s shell  r run  x stop  ^d delete  ',
  services: 'l logs  s shell  ',
  nodes: 'c cordon  ',
  events: '',
};

function hintOf(screen: Screen): string {
  switch (screen.type) {
    case 'table':
      return `↑↓ move  ⏎ describe  ${viewHints[screen.view]}/ filter  1-4 views  ? help  q quit`;
    case 'logs':
      return '↑↓ scroll  f follow  Esc back  ? help  q quit';
    case 'describe':
    case 'help':
      return '↑↓ scroll  Esc back  q quit';
  }
}
