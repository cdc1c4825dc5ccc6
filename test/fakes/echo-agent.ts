import process from 'node:process';
import {pipeline} from 'node:stream/promises';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import {serveJsonRpc} from '../../api/agent/v1alpha1/json-rpc-connection.ts';
import {createStreamMultiplexer} from '../../api/agent/v1alpha1/stream-multiplexer.ts';
import {silentLogger} from '../../api/effects/logger.ts';
import {nodeFactsAt} from './instances.ts';
import {requestHandlers} from './request-handlers.ts';

/**
 * A program: an agent without instances on its standard streams. Tunnels echo. Its version is its process id, its boot id its arguments, so that
 * tests can see and end it. `bundle/has` tells how many bytes its tunnels have written.
 */
if (process.argv.includes('--fail')) {
  process.stderr.write('no daemon: socket missing\n');
  process.exit(3);
}

let written = 0;
const peer = serveJsonRpc({
  input: process.stdin,
  output: process.stdout,
  log: silentLogger,
  handlers: requestHandlers({
    initialize: async () => ({
      protocolVersion: 1,
      node: nodeFactsAt(new Date().toISOString(), {
        agentVersion: String(process.pid),
        bootId: JSON.stringify(process.argv.slice(2)),
      }),
    }),
    'instance/list': async () => ({instances: []}),
    'bundle/has': async ({digest}) => ({present: written > Number(digest)}),
    'instance/start': async () => {
      throw new AgentError('NotFound', 'there are no instances here');
    },
    'tunnel/open': async ({stream}) => {
      const {input, output, close} = streams.accept(stream);
      input.on('data', (chunk: Buffer) => {
        written += chunk.length;
      });
      pipeline(input, output).then(
        () => close({exitCode: 0}),
        () => {},
      );
      return {};
    },
  }),
});
const streams = createStreamMultiplexer(peer);
