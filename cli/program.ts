import type {BuildProgram} from './program/assemble.ts';
import {assemble} from './program/assemble.ts';
import {addNodeCommands} from './program/node-commands.ts';
import {addResourceCommands} from './program/resource-commands.ts';
import {addStreamCommands} from './program/stream-commands.ts';
import {addSystemCommands} from './program/system-commands.ts';
import {addUserCommands} from './program/user-commands.ts';
import {addWorkspaceCommands} from './program/workspace-commands.ts';

/** All commands. */
export const buildProgram: BuildProgram = (cli, setExitCode) =>
  assemble({cli, setExitCode}, [
    addResourceCommands,
    addStreamCommands,
    addWorkspaceCommands,
    addNodeCommands,
    addUserCommands,
    addSystemCommands,
  ]);
