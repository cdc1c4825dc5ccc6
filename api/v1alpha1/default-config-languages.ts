import type {Service} from './service.ts';
import {service} from './service.ts';

export type GeneratedConfig = {
  /** Why it looks like this, for people: `Node.js (package.json)`. */
  readonly basis: string;
  readonly setup: readonly string[];
  readonly services: readonly Service[];
};

type Has = (name: string) => boolean;

const aptInstall = 'sudo apt-get update && sudo apt-get install --yes --no-install-recommends';

export function pythonConfig(has: Has): GeneratedConfig {
  const requirements = has('requirements.txt');
  const server = has('manage.py')
    ? {command: '.venv/bin/python manage.py runserver 0.0.0.0:8000', port: 8000}
    : ['main.py', 'app.py', 'server.py'].filter(has).map(file => ({command: `.venv/bin/python ${file}`}))[0];
  return {
    basis: `Python (${requirements ? 'requirements.txt' : 'pyproject.toml'})`,
    setup: [
      `python3 -c 'import ensurepip' 2>/dev/null || { ${aptInstall} python3 python3-venv; }`,
      'python3 -m venv .venv',
      `.venv/bin/pip install ${requirements ? '-r requirements.txt' : '-e .'}`,
    ],
    services:
      server === undefined
        ? []
        : [
            service.parse({
              name: 'web',
              ...server,
              ...('port' in server ? {healthCheck: {tcp: server.port, startPeriod: '1m'}} : {}),
            }),
          ],
  };
}

export function rubyConfig(has: Has): GeneratedConfig {
  const server = has('config.ru')
    ? has('bin')
      ? {command: 'bundle exec rails server --binding 0.0.0.0 --port 3000', port: 3000}
      : {command: 'bundle exec rackup --host 0.0.0.0 --port 9292', port: 9292}
    : undefined;
  return {
    basis: 'Ruby (Gemfile)',
    setup: [
      `command -v bundle >/dev/null || { ${aptInstall} ruby ruby-dev ruby-bundler build-essential; }`,
      'bundle config set --local path vendor/bundle && bundle install',
    ],
    services:
      server === undefined
        ? []
        : [
            service.parse({
              name: 'web',
              ...server,
              healthCheck: {tcp: server.port, startPeriod: '1m'},
            }),
          ],
  };
}

/** Files as they are, by what nexus/base has. Never above its folder, never what begins with a dot. */
const staticServer = `exec node - <<'SERVER'
const {createServer} = require('node:http');
const {createReadStream, promises: {realpath, stat}} = require('node:fs');
const path = require('node:path');
const types = {'.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.mjs': 'text/javascript',
  '.json': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png', '.jpg': 'image/jpeg', '.txt': 'text/plain',
  '.md': 'text/plain', '.wasm': 'application/wasm'};
const root = process.cwd();
createServer(async (request, response) => {
  try {
    const name = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    if (name.split('/').some(part => part.startsWith('.'))) throw new Error('hidden');
    let file = await realpath(path.join(root, name));
    if ((await stat(file)).isDirectory()) file = await realpath(path.join(file, 'index.html'));
    if (!file.startsWith(root + path.sep)) throw new Error('outside');
    response.setHeader('content-type', types[path.extname(file)] ?? 'application/octet-stream');
    createReadStream(file).pipe(response);
  } catch {
    response.statusCode = 404;
    response.end('Not found\\n');
  }
}).listen(8080);
SERVER
`;

export function staticConfig(): GeneratedConfig {
  return {
    basis: 'a static web server (no package.json, pyproject.toml, requirements.txt or Gemfile)',
    setup: [],
    services: [service.parse({name: 'web', command: staticServer, port: 8080, healthCheck: {tcp: 8080}})],
  };
}
