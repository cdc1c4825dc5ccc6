import type {SetupEvent, SetupFailure, SetupStep} from '../../api/node-setup/messages.ts';
import type {NodeSetup, PreparedNode, SetupTarget} from '../../api/node-setup/node-setup.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';

export const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBqU06/sI/0IGPb4PJBKX8hJ7IRo0VWb1KrNIJt6+oln';
export const otherHostKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIONHWXBMZHsTwL9bypjU2AMmPBYO/9JwbMX0bNZcUTim';
export const publicKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN2qRS8aXw+Pk5fqG+a8QlUPJ2TspsR7iGYN1nn6oZVO nexus-server-abc123';

/** The machine as the test makes it up. */
export type ScriptedMachine = {
  /** Opens the account; the key does from then on. */
  password?: string;
  /** Whether the server's key opens the account. */
  letsIn?: boolean;
  /** A step that fails, whatever is done. */
  failing?: SetupStep;
  /** What it keeps of deleted workspaces; undefined while its agent is not heard. */
  kept?: readonly string[] | undefined;
};

export type ScriptedNodeSetup = NodeSetup & {
  readonly targets: SetupTarget[];
  readonly purged: Stored<'Node'>[];
  readonly machine: ScriptedMachine;
};

/** Steps as the real one takes them, of a machine that is made up. */
export function createScriptedNodeSetup(
  machine: ScriptedMachine = {letsIn: true, kept: []},
): ScriptedNodeSetup {
  const targets: SetupTarget[] = [];
  const purged: Stored<'Node'>[] = [];
  const reporter = (report: (event: SetupEvent) => void) => {
    let ok = true;
    return {
      /** Whether it went well. */
      take(
        step: SetupStep,
        failure?: {code: SetupFailure; host_key?: string; public_key?: string} | undefined,
        more: {host_key?: string} = {},
      ): boolean {
        report({type: 'started', step});
        const failed = failure ?? (machine.failing === step ? {code: 'Refused' as const} : undefined);
        ok = ok && failed === undefined;
        report(
          failed === undefined
            ? {type: 'finished', step, outcome: 'ok', message: `${step} is well`, milliseconds: 7, ...more}
            : {
                type: 'finished',
                step,
                outcome: 'failed',
                message: `${step} is ill`,
                cure: [`mend ${step}`],
                milliseconds: 7,
                ...failed,
              },
        );
        return failed === undefined;
      },
      end(): boolean {
        report({type: 'ended', ok, milliseconds: 70});
        return ok;
      },
    };
  };

  return {
    targets,
    purged,
    machine,
    async prepare(target, {report}): Promise<PreparedNode | undefined> {
      targets.push(target);
      const {take, end} = reporter(report);
      const agreed = target.pinned === hostKey || target.accepted === hostKey;
      const isChanged =
        target.pinned !== undefined && target.pinned !== hostKey && !(target.replaceHostKey && agreed);
      machine.letsIn = machine.letsIn === true || target.password === (machine.password ?? '');
      const went =
        take('Name') &&
        take(
          'HostKey',
          isChanged
            ? {code: 'HostKeyChanged', host_key: hostKey}
            : agreed
              ? undefined
              : {code: 'HostKeyUnknown', host_key: hostKey},
          {host_key: hostKey},
        ) &&
        take('Login', machine.letsIn ? undefined : {code: 'LoginRefused', public_key: publicKey}) &&
        take('Agent');
      if (!went) {
        end();
        return undefined;
      }
      const {address, user, port} = target;
      return {address, user, port, hostKey};
    },
    async awaitReady(_node, {report}) {
      const {take, end} = reporter(report);
      take('Ready');
      return end();
    },
    async test(_node, {report}) {
      const {take, end} = reporter(report);
      take('Name');
      take('Agent');
      return end();
    },
    instancesOn: async () => machine.kept,
    async purge(node, {report}) {
      purged.push(node);
      const {take, end} = reporter(report);
      take('Backend');
      return end();
    },
  };
}
