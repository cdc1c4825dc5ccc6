import {isApiError} from '../../api/client/api-error.ts';
import {sshFingerprint} from '../../api/v1alpha1/ssh-fingerprint.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {findToken, serverAddress} from '../server-address.ts';
import {findIdentity, readPublicKey} from '../ssh/identity.ts';
import type {Check, Finding} from './check.ts';

/** What must be right between the command line and the server, and on the server. */
export const serverChecks: readonly Check[] = [
  {
    name: 'server',
    async run(cli) {
      await using client = await connect(cli);
      try {
        const {status, version, controller} = await client.health({signal: cli.signal});
        return {
          state: status === 'ok' ? 'ok' : 'warning',
          message: `${client.url} ${status}, version ${version}${controller?.message === undefined ? '' : `: ${controller.message}`}`,
        };
      } catch (error) {
        return {
          state: 'bad',
          message: error instanceof Error ? error.message : String(error),
          cure:
            isApiError(error) && error.hint !== undefined
              ? error.hint
              : 'Start it: nexus server, or hack/up.',
        };
      }
    },
  },
  {
    name: 'store',
    run: cli =>
      ifReachable(cli, async client => {
        const {store} = await client.health({signal: cli.signal});
        if (store === undefined) {
          return {state: 'skipped', message: 'the server tells only who has a token'};
        }

        const {status, place = 'answers', message} = store;
        return status === 'ok'
          ? {state: 'ok', message: place}
          : {
              state: 'bad',
              message: `${place}: ${message ?? 'does not answer'}`,
              cure: "Look at the server's log; of Kubernetes also: kubectl get --raw /readyz",
            };
      }),
  },
  {
    name: 'token',
    async run(cli) {
      if ((await findToken(cli, await serverAddress(cli))) === undefined) {
        const {url} = await serverAddress(cli);
        return {
          state: 'bad',
          message: `there is none for ${url}; the admin's is shown only to this home's own server, while it runs`,
          cure: 'Start the server, set NEXUS_TOKEN, or write one to $NEXUS_HOME/token; an admin makes one with nexus user add NAME.',
        };
      }

      return ifReachable(cli, async client => {
        const {name, role} = await client.users.get('me', {signal: cli.signal});
        return {state: 'ok', message: `${name} (${role})`};
      });
    },
  },
  {
    name: 'ssh key on the server',
    run: cli =>
      ifReachable(cli, async client => {
        const {ssh_keys: keys} = await client.users.get('me', {signal: cli.signal});
        const identity = await findIdentity(cli);
        const fingerprint =
          identity === undefined ? undefined : sshFingerprint(await readPublicKey(identity));
        const known = keys.some(key => fingerprint === undefined || key.fingerprint === fingerprint);
        return known
          ? {state: 'ok', message: `registered, ${keys.length} in all`}
          : {
              state: 'bad',
              message: 'it would not let you into your workspaces',
              cure: 'Register it: nexus ssh setup',
            };
      }),
  },
  {
    name: 'nodes',
    run: cli =>
      ifReachable(cli, async client => {
        const {nodes = []} = await client.health({signal: cli.signal});
        const unready = nodes.filter(({ready}) => ready !== 'True');
        return {
          state: nodes.length === 0 || unready.length > 0 ? 'bad' : 'ok',
          message:
            unready.length === 0
              ? `${nodes.length} ready`
              : unready.map(({name, message}) => `${name}: ${message ?? 'not ready'}`).join('; '),
          cure: 'Look closer: nexus describe nodes',
        };
      }),
  },
];

/** What the check before has said of the server is not said again. */
async function ifReachable(
  cli: Cli,
  look: (client: Awaited<ReturnType<typeof connect>>) => Promise<Finding>,
): Promise<Finding> {
  await using client = await connect(cli);
  try {
    return await look(client);
  } catch (error) {
    if (isApiError(error, 'Unreachable')) {
      return {state: 'skipped', message: 'the server can not be asked'};
    }

    if (isApiError(error) && error.status === 401) {
      return {
        state: 'bad',
        message: error.message,
        cure: error.hint ?? 'Get another token from an admin: nexus user token --user YOU',
      };
    }

    throw error;
  }
}
