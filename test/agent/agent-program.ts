import {relayAgent, runAgentDaemon} from '../../agent/main.ts';

/** `nexus agent` without the command line: what tests start as a process of its own. Arguments: home, --stdio or --daemon. */
const [home = '', mode] = process.argv.slice(2);
if (mode === '--daemon') {
  await runAgentDaemon({home, agentVersion: '0.0.0-test'});
} else {
  await relayAgent({home, daemonCommand: [process.execPath, import.meta.filename, home, '--daemon']});
}
