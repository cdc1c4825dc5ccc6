import {runProcess} from './command-line.ts';
import {addAgentCommands} from './program/agent-commands.ts';
import {assemble} from './program/assemble.ts';
import {addVersionCommand} from './program/version-command.ts';

/** The entry of the package that nodes get: `nexus` with what a node needs and nothing else. */
await runProcess((cli, setExitCode) => assemble({cli, setExitCode}, [addAgentCommands, addVersionCommand]));
