import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import test from 'ava';
import {registerTsxLoader} from '../../cli/tsx-loader.ts';
import {createBench} from './run-cli.ts';

test('.tsx files are imported while the loader is there, and no longer', async t => {
  await using bench = await createBench();
  const url = (name: string) => pathToFileURL(path.join(bench.folder, name)).href;
  const source =
    'const n: number = 7;\nexport const view = (make: (n: number) => number) => <T,>(x: T) => [make(n), x];\n';
  await writeFile(path.join(bench.folder, 'package.json'), '{"type": "module"}');
  await writeFile(path.join(bench.folder, 'one.tsx'), source);
  await writeFile(path.join(bench.folder, 'two.tsx'), source);
  {
    using _loader = registerTsxLoader();
    const {view} = await import(url('one.tsx'));
    t.deepEqual(view((n: number) => n + 1)('x'), [8, 'x']);
  }

  await t.throwsAsync(import(url('two.tsx')), {code: 'ERR_UNKNOWN_FILE_EXTENSION'});
});
