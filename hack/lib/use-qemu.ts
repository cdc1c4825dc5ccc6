// Writes down that the agent of this home uses QEMU, beside whatever it uses already: node hack/lib/use-qemu.ts FILE
import {existsSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import {z} from 'zod';

const [file = ''] = process.argv.slice(2);
const config = z
  .looseObject({providers: z.record(z.string(), z.unknown()).optional()})
  .parse(existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {});
writeFileSync(
  `${file}.partial`,
  `${JSON.stringify({...config, providers: {...config.providers, qemu: {}}})}\n`,
  {
    mode: 0o600,
  },
);
renameSync(`${file}.partial`, file);
