import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {readResources} from '../apply/read-resources.ts';
import {applyResource} from '../apply/write-resource.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {toYaml} from '../output/format.ts';
import {nameOf, parseTargets} from '../resource-name.ts';
import {runOnTerminal} from '../spawned.ts';
import {shellWord} from '../ssh/ssh-command.ts';
import {callerName} from './apply.ts';

/** Opens one resource in the user's editor and applies what comes back. Text that is refused is kept, so that no work is lost. */
export async function edit(
  cli: Cli,
  words: readonly string[],
  options: {readonly recreate?: boolean},
): Promise<void> {
  const {targets} = parseTargets(words);
  const [target] = targets;
  if (target === undefined || targets.length > 1) {
    throw new CliError('usage', 'name one resource to edit, such as workspace/my-project');
  }

  await using client = await connect(cli);
  const {status: _, ...resource} = await client.get(target.kind, target.name, {signal: cli.signal});
  const {name, labels, annotations, resourceVersion} = resource.metadata;
  const before = toYaml({...resource, metadata: {name, labels, annotations, resourceVersion}});
  const folder = await mkdtemp(path.join(tmpdir(), 'nexus-edit-'));
  const file = path.join(folder, `${target.name}.yaml`);
  await writeFile(file, `${before}\n`, {mode: 0o600});
  await openEditor(cli, file);
  const after = await readFile(file, 'utf8');
  if (after.trim() === before.trim()) {
    await rm(folder, {recursive: true});
    cli.print(`${nameOf(target)} unchanged`);
    return;
  }

  try {
    const caller = await callerName(client, cli.signal);
    const [declared] = await readResources([{name: file, text: after, folder}], {...cli, caller});
    if (declared === undefined) {
      throw new CliError('usage', `${file} holds no resource`);
    }

    const {outcome} = await applyResource(declared, {client, cli, options});
    cli.print(`${nameOf(target)} ${outcome}`);
    await rm(folder, {recursive: true});
  } catch (error) {
    cli.note(`Your text is kept in ${file}: correct it and run nexus apply -f ${file}`);
    throw error;
  }
}

async function openEditor(cli: Cli, file: string): Promise<void> {
  const editor = cli.env.VISUAL || cli.env.EDITOR || 'vi';
  // By a shell, since these variables may hold options, as git and kubectl have it too.
  const code = await runOnTerminal('sh', ['-c', `${editor} ${shellWord(file)}`], cli.env);
  if (code !== 0) {
    throw new CliError('failed', `the editor (${editor}) ended with exit code ${code}; nothing was changed`);
  }
}
