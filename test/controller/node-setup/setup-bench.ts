import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {Clock} from '../../../api/effects/clock.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import type {SetupEvent, StepFinished} from '../../../api/node-setup/messages.ts';
import {setupEvent} from '../../../api/node-setup/messages.ts';
import type {NodeSetup, SetupTarget} from '../../../api/node-setup/node-setup.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import type {AgentInstaller} from '../../../controller/agent-client/agent-installer.ts';
import type {NodeView} from '../../../controller/agent-client/agents.ts';
import type {BaseImage} from '../../../controller/node-setup/base-images.ts';
import {identityOf} from '../../../controller/node-setup/log-in.ts';
import {createNodeSetup} from '../../../controller/node-setup/node-setup.ts';
import {localNode} from '../../fakes/nodes.ts';
import type {SshServer} from '../../fakes/ssh-server.ts';
import {startSshServer} from '../../fakes/ssh-server.ts';

/** What `nexus` answers on the machine: it writes down how it was called, and says what the test has put into files beside it. */
const fakeNexus = `#!/bin/sh
here=$(dirname "$0")
echo "$*" >>"$here/calls"
case "$1 $2" in
"agent setup") cat "$here/setup-errors" >&2; cat "$here/setup-answer"; exit "$(cat "$here/setup-code")" ;;
"agent receive-image")
  case "$*" in *"--form machine"*) file=machine-image ;; *) file=image ;; esac
  cat >"$here/$file"
  cat "$here/receive-errors" >&2; cat "$here/receive-answer"; exit "$(cat "$here/receive-code")" ;;
"agent purge") exit 0 ;;
esac
`;

export type SetupBench = AsyncDisposable & {
  readonly server: SshServer;
  /** HOME of the account on the machine. */
  readonly home: string;
  readonly image: BaseImage;
  /** How nexus was called there, a line each. */
  calls(): Promise<readonly string[]>;
  /** What `agent setup` answers there. */
  answer(answer: {
    readonly code?: number;
    readonly stderr?: string;
    /** Of the image for containers; the machine has no other by default. */
    readonly image?: object;
    /** Instead: of each form that is needed there. */
    readonly images?: readonly object[];
  }): Promise<void>;
  /** What `agent receive-image` answers there. */
  answerImport(answer: {
    readonly code?: number;
    readonly stderr?: string;
    readonly failures?: readonly string[];
  }): Promise<void>;
  /** A target that somebody has agreed to. */
  target(changes?: Partial<SetupTarget>): SetupTarget;
  node(changes?: Partial<Stored<'Node'>['spec']>): Stored<'Node'>;
  setup(changes?: SetupChanges): NodeSetup;
};

export type SetupChanges = {
  readonly clock?: Clock;
  readonly installer?: Partial<AgentInstaller>;
  readonly image?: BaseImage | undefined;
  /** None by default. */
  readonly machineImage?: BaseImage;
  readonly identityFile?: string;
  readonly view?: () => NodeView | undefined;
  readonly stored?: () => Stored<'Node'>;
};

/** A real sshd, whose account has a home of its own with a stand-in for nexus in it. */
export async function createSetupBench(config: readonly string[] = []): Promise<SetupBench> {
  await using stack = new AsyncDisposableStack();
  const home = await mkdtemp(path.join(tmpdir(), 'nx-machine-'));
  stack.defer(() => rm(home, {recursive: true, force: true}));
  const nexusHome = path.join(home, 'n');
  const socket = path.join(home, 'backend.socket');
  const backend = createServer().listen(socket);
  stack.defer(() => void backend.close());
  await mkdir(path.join(nexusHome, 'agent'), {recursive: true});
  await writeFile(path.join(nexusHome, 'agent', 'config.json'), JSON.stringify({socket}));
  const program = path.join(home, 'nexus');
  await writeFile(program, fakeNexus, {mode: 0o755});
  const server = stack.use(
    await startSshServer({config: [`SetEnv HOME=${home} NEXUS_HOME=${nexusHome}`, ...config]}),
  );
  const imageFile = path.join(home, 'base.tar.zst');
  await writeFile(imageFile, 'an image');
  const image: BaseImage = {file: imageFile, digest: 'd1'.repeat(32), size: 8, architecture: machineName()};
  const answer: SetupBench['answer'] = async ({
    code = 0,
    stderr = '',
    image: state = {present: true},
    images = [{form: 'container', providers: ['lxc'], ...state}],
  }) => {
    await writeFile(path.join(home, 'setup-code'), String(code));
    await writeFile(path.join(home, 'setup-errors'), stderr);
    const text = JSON.stringify({
      installation: 'abc123',
      backends: ['incus 6.0.4'],
      failures: [],
      images,
    });
    await writeFile(path.join(home, 'setup-answer'), code === 0 ? `${text}\n` : '');
  };
  const answerImport: SetupBench['answerImport'] = async ({code = 0, stderr = '', failures = []}) => {
    await writeFile(path.join(home, 'receive-code'), String(code));
    await writeFile(path.join(home, 'receive-errors'), stderr);
    await writeFile(path.join(home, 'receive-answer'), code === 0 ? `${JSON.stringify({failures})}\n` : '');
  };
  await answer({});
  await answerImport({});

  const running = stack.move();
  return {
    server,
    home,
    image,
    answer,
    answerImport,
    calls: async () =>
      (await readFile(path.join(home, 'calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean),
    target: (changes = {}) => ({
      name: 'box',
      address: '127.0.0.1',
      user: server.user,
      port: server.port,
      accepted: server.hostKey,
      replaceHostKey: false,
      ...changes,
    }),
    node: (changes = {}) =>
      localNode('box', {
        local: false,
        user: server.user,
        port: server.port,
        hostKey: server.hostKey,
        ...changes,
      }),
    setup: (changes = {}) =>
      createNodeSetup({
        clock: changes.clock ?? systemClock,
        storage: {
          // Only nodes are read.
          get: (async () => changes.stored?.() ?? localNode('box')) as never,
        },
        agents: {view: () => changes.view?.()},
        installation: 'abc123',
        identity: async () =>
          identityOf(await readFile(changes.identityFile ?? server.identityFile), {
            file: 'the key',
            comment: 'nexus-server-abc123',
            created: false,
          }),
        installer: {
          install: async (_session, {progress}) => {
            progress(1, 2);
            return {outcome: 'Installed', version: '1.2.3', command: [program]};
          },
          uninstall: async () => {},
          rollBack: async () => undefined,
          ...changes.installer,
        },
        images: {
          container: async () => ('image' in changes ? changes.image : image),
          machine: async () => changes.machineImage,
        },
      }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

export function machineName(): string {
  return process.arch === 'arm64' ? 'aarch64' : 'x86_64';
}

/** What is reported, each event as its schema has it. */
export function recorder() {
  const events: SetupEvent[] = [];
  return {
    events,
    report: (event: SetupEvent) => void events.push(setupEvent.parse(event)),
    finished: (): readonly StepFinished[] =>
      events.filter((event): event is StepFinished => event.type === 'finished'),
    step: (name: string): StepFinished => {
      const found = events.find(
        (event): event is StepFinished => event.type === 'finished' && event.step === name,
      );
      if (found === undefined) {
        throw new Error(`step ${name} was not taken: ${JSON.stringify(events)}`);
      }
      return found;
    },
  };
}
