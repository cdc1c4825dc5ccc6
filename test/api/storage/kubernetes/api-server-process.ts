import {spawn} from 'node:child_process';
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {Agent, request} from 'undici';
import {z} from 'zod';
import {eventually} from '../../../e2e/eventually.ts';

/** The API server that scripts have started in a folder, to be killed and started again. */
export type ApiServerProcess = {
  kill(): Promise<void>;
  /** With the same arguments, on the same etcd. Resolves once it answers. */
  start(): Promise<void>;
  /** Lets etcd forget everything before now. */
  compact(): Promise<void>;
};

const rangeAnswer = z.object({header: z.object({revision: z.string()})});

export async function findApiServerProcess(folder: string, kubeconfig: string): Promise<ApiServerProcess> {
  const pidFile = path.join(folder, 'apiserver.pid');
  const pid = async () => Number(await readFile(pidFile, 'utf8'));
  const [program = '', ...args] = (await readFile(`/proc/${await pid()}/cmdline`, 'utf8'))
    .split('\0')
    .slice(0, -1);
  const etcd = args[args.indexOf('--etcd-servers') + 1] ?? '';
  const server = /server: "?([^"\s,}]+)/.exec(await readFile(kubeconfig, 'utf8'))?.[1] ?? '';
  const post = async (url: string, body: object) => {
    const response = await fetch(`${etcd}${url}`, {method: 'POST', body: JSON.stringify(body)});
    if (!response.ok) {
      throw new Error(`etcd answered ${response.status}: ${await response.text()}`);
    }

    return response.json();
  };
  return {
    async kill() {
      const id = await pid();
      process.kill(id, 'SIGKILL');
      await eventually(async () => {
        const stat = await readFile(`/proc/${id}/stat`, 'utf8').catch(() => 'gone) Z');
        if (!/\) Z|gone/.test(stat)) {
          throw new Error(`process ${id} is still there`);
        }
      });
    },
    async start() {
      const begin = async () => {
        const begun = spawn(program, args, {stdio: 'ignore', detached: true});
        begun.unref();
        await writeFile(pidFile, `${begun.pid}\n`);
        return begun;
      };
      let child = await begin();
      const dispatcher = new Agent({connect: {rejectUnauthorized: false}});
      await eventually(
        async () => {
          // Its port is one of those that connections go out from: whoever tried to reach it meanwhile may have got it for a moment.
          if (child.exitCode !== null) child = await begin();
          const answer = await request(`${server}/apis/nexus.dev/v1alpha1/workspaces?limit=1`, {
            dispatcher,
            headers: {authorization: 'Bearer envtest'},
          });
          await answer.body.dump();
          if (answer.statusCode !== 200) {
            throw new Error(`the API server answers ${answer.statusCode}`);
          }
        },
        {timeout: 60_000},
      );
      await dispatcher.destroy();
    },
    async compact() {
      const {header} = rangeAnswer.parse(
        await post('/v3/kv/range', {key: Buffer.from('/').toString('base64')}),
      );
      await post('/v3/kv/compaction', {revision: header.revision, physical: true});
    },
  };
}
