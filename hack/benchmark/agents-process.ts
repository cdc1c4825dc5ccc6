/** Serves so many simulated agents on unix sockets below a folder, `<name>.sock`, with so many running instances each, until its standard input ends. */
import {once} from 'node:events';
import {createServer} from 'node:net';
import path from 'node:path';
import {serveJsonRpc} from '../../api/agent/v1alpha1/json-rpc-connection.ts';
import {heartbeatInterval} from '../../api/agent/v1alpha1/messages.ts';
import {systemClock, timestampAt} from '../../api/effects/clock.ts';
import {silentLogger} from '../../api/effects/logger.ts';
import {nodeFactsAt, runningInstance} from '../../test/fakes/instances.ts';
import {requestHandlers} from '../../test/fakes/request-handlers.ts';

const [folder = '', nodes = '0', instances = '0'] = process.argv.slice(2);

const facts = () => nodeFactsAt(timestampAt(systemClock.now()));

for (let number = 0; number < Number(nodes); number += 1) {
  const held = Array.from({length: Number(instances)}, (_, index) =>
    runningInstance(`00000000-0000-4000-8000-${String(number * 10_000 + index).padStart(12, '0')}`),
  );
  const server = createServer(socket => {
    let beating: Disposable | undefined;
    const peer = serveJsonRpc({
      input: socket,
      output: socket,
      log: silentLogger,
      handlers: requestHandlers({
        'features/negotiate': async () => ({features: []}),
        async initialize() {
          // Agents beat each in its own time.
          beating ??= systemClock.schedule(Math.random() * heartbeatInterval, beat);
          return {protocolVersion: 1, node: facts()};
        },
        'instance/list': async () => ({instances: held}),
      }),
    });
    const beat = () => {
      peer.notify('heartbeat', {...facts(), changes: 0});
      beating = systemClock.schedule(heartbeatInterval, beat);
    };
    peer.closed.addEventListener('abort', () => beating?.[Symbol.dispose]());
  });
  server.listen(path.join(folder, `node-${number}.sock`));
  await once(server, 'listening');
}

console.log(JSON.stringify({listening: Number(nodes)}));
process.stdin.resume();
await once(process.stdin, 'end');
process.exit(0);
