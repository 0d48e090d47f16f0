// Compiles src/ into dist/; `npm install` runs it. After `npm install --omit=dev` there is no compiler in node_modules. In that case the version from
// package-lock.json is fetched into npm's cache and used once, without installing it.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = join(root, 'node_modules/typescript/bin/tsc');
const project = ['-p', 'tsconfig.build.json'];

rmSync(join(root, 'dist'), { recursive: true, force: true });
if (existsSync(compiler)) process.exitCode = run([compiler, ...project]);
else compileWithFetched();
// For `npx sluice` in the clone, which runs it as a program.
if (process.exitCode === 0) chmodSync(join(root, 'dist/cli.js'), 0o755);

function compileWithFetched() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const { version } = packages['node_modules/typescript'];
  const npm = process.env.npm_execpath;
  if (npm === undefined) return explain('the compiler is not installed, and this was not started by npm');
  process.stdout.write(`No compiler in node_modules (--omit=dev): using typescript@${version} from npm's cache.\n`);
  const fetched = [npm, 'exec', '--yes', '--include=optional', `--package=typescript@${version}`, '--', 'tsc'];
  // The types of Node and of the test tools are not installed either, so types are not checked and no declarations are written.
  process.exitCode = run([
    ...fetched,
    ...project,
    '--noCheck',
    '--declaration',
    'false',
    '--sourceMap',
    'false',
    '--types',
    '',
  ]);
  if (process.exitCode !== 0) explain(`the compiler typescript@${version} could not be fetched or run`);
}

function explain(reason) {
  process.stderr.write(
    `dist/ could not be made: ${reason}.\nRun "npm install" without --omit=dev, which brings the compiler.\n`,
  );
  process.exitCode = 1;
}

function run(args) {
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) process.stderr.write(`${error.message}\n`);
  return status ?? 1;
}
