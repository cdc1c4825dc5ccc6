import {readFileSync} from 'node:fs';
import {registerHooks} from 'node:module';
import {fileURLToPath} from 'node:url';
import {transformSync} from 'esbuild';

/** Lets this process import `.tsx` files from now on: Node.js strips types but knows no JSX. `.ts` files are left to it. */
export function registerTsxLoader(): Disposable {
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith('file:') || !new URL(url).pathname.endsWith('.tsx')) {
        return nextLoad(url, context);
      }

      const file = fileURLToPath(url);
      const {code} = transformSync(readFileSync(file, 'utf8'), {
        loader: 'tsx',
        jsx: 'automatic',
        format: 'esm',
        target: 'node24',
        sourcefile: file,
        sourcemap: 'inline',
      });
      return {format: 'module', source: code, shortCircuit: true};
    },
  });
  return {[Symbol.dispose]: () => hooks.deregister()};
}
