import { once } from 'node:events';
import { cp, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { npmFfmpeg, runProgram, startProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

it('is a program: built by tsc, started by node, ended by a signal', async () => {
  const directory = await temporaryDirectory();
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await runProgram(process.execPath, [
    tsc,
    '-p',
    join(root, 'tsconfig.build.json'),
    '--outDir',
    join(directory, 'dist'),
  ]);
  for (const name of ['node_modules', 'public']) await symlink(join(root, name), join(directory, name));
  await cp(join(root, 'package.json'), join(directory, 'package.json'));
  const cli = join(directory, 'dist', 'cli.js');

  const help = await runProgram(process.execPath, [cli, '--help']);
  expect(help.stdout.toString()).toContain('Usage: sluice');
  await expect(runProgram(process.execPath, [cli, '--no-such'])).rejects.toThrow(
    /exited 2: .*--no-such: unknown option/s,
  );

  const secret = 'a-key-that-must-never-be-seen';
  const media = join(directory, 'media');
  const program = startProgram(
    process.execPath,
    [cli, '--host=127.0.0.1', '--rtmp-port=0', '--http-port=0', `--media-dir=${media}`, `--publish-key=${secret}`],
    { FFMPEG_PATH: npmFfmpeg() },
  );
  let stdout = '';
  program.child.stdout?.on('data', (text) => {
    stdout += text;
  });
  while (!stdout.includes('"msg":"ready"')) await once(program.child.stdout ?? program.child, 'data');
  if (process.platform === 'linux') {
    // C3.07: the key given as a flag has left the process list.
    expect(await readFile(`/proc/${program.pid}/cmdline`, 'utf8')).not.toContain(secret);
  }
  program.child.kill('SIGTERM');
  expect(await program.exit).toEqual({ code: 0, signal: null });
  expect(stdout + program.stderr()).not.toContain(secret);
});
