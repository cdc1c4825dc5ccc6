import {registerHooks} from 'node:module';
import {fileURLToPath} from 'node:url';
import {mutate, mutationNamed, sourceOf} from './mutations.ts';

/** Preloaded by a process of its own: puts the bug that `NEXUS_MUTATION` names into the code as it is loaded. */
const mutation = mutationNamed(process.env.NEXUS_MUTATION ?? '');
const files = new Set(mutation.edits.map(({file}) => file));
const missing = new Set(files);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const file = url.startsWith('file:')
      ? [...files].find(candidate => fileURLToPath(url).endsWith(`/${candidate}`))
      : undefined;
    if (file === undefined) {
      return loaded;
    }

    missing.delete(file);
    return {...loaded, source: mutate(mutation, file, sourceOf(file))};
  },
});

process.on('exit', () => {
  if (missing.size > 0) {
    process.stderr.write(`never loaded: ${[...missing].join(', ')}\n`);
    process.exitCode = 3;
  }
});
