// `node bench/attack.mjs [--short] [--scale N] [--only NAME,…] [--settle SECONDS] [--no-browser]`: runs all known attacks on the ingest beside one
// live stream that is being watched, and prints the effect on the gateway. Exit status 1: a limit was exceeded.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './measuring.mjs';

const gateway = join(root, 'dist', 'cli.js');
if (!existsSync(gateway)) {
  console.error('dist/ is missing: run `npm run build` first');
  process.exit(2);
}
const { status } = spawnSync('npx', ['tsc', '-p', join(root, 'bench', 'attack', 'tsconfig.json')], {
  stdio: 'inherit',
  cwd: root,
});
if (status !== 0) process.exit(2);
const { main } = await import(join(root, 'dist', 'attack', 'bench', 'attack', 'main.js'));
process.exit(await main(['--gateway', gateway, ...process.argv.slice(2)]));
