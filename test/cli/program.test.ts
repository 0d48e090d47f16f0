// The command as a shell runs it: compiled, started, asked and ended, with its key in no list of processes.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildProgram } from '../support/built-program.js';
import { npmFfmpeg, runProgram, startProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

it('is a program: built by tsc, started by node, ended by a signal', async () => {
  const cli = join(await buildProgram(), 'dist', 'cli.js');

  const help = await runProgram(process.execPath, [cli, '--help']);
  expect(help.stdout.toString()).toContain('Usage: sluice');
  await expect(runProgram(process.execPath, [cli, '--no-such'])).rejects.toThrow(
    /exited 2: .*--no-such: unknown option/s,
  );

  const secret = 'a-key-that-must-never-be-seen';
  const media = join(await temporaryDirectory(), 'media');
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
