// The compiled command, started, used and ended as from a shell. Its key never appears in a process list.
import { once } from 'node:events';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../support/built-program.js';
import { npmFfmpeg, runProgram, startProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

it('is built by tsc, started by node and ended by a signal', async () => {
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
    // C3.07: the key that was given as a flag is no longer in the process list.
    expect(await readFile(`/proc/${program.pid}/cmdline`, 'utf8')).not.toContain(secret);
  }
  program.child.kill('SIGTERM');
  expect(await program.exit).toEqual({ code: 0, signal: null });
  expect(stdout + program.stderr()).not.toContain(secret);
});

async function cliOf(): Promise<string> {
  return join(await buildProgram(), 'dist', 'cli.js');
}

/** @returns the program, and its log records as they arrive */
async function startServing(...flags: string[]) {
  const directory = await temporaryDirectory();
  const places = ['--media-dir', join(directory, 'media'), '--state-dir', join(directory, 'state')];
  const ports = ['--host', '127.0.0.1', '--rtmp-port', '0', '--http-port', '0'];
  const program = startProgram(process.execPath, [await cliOf(), ...ports, ...places, ...flags], {
    FFMPEG_PATH: npmFfmpeg(),
  });
  let stdout = '';
  program.child.stdout?.on('data', (text) => {
    stdout += text;
  });
  const logged = async (message: string): Promise<void> => {
    while (!stdout.includes(message)) await once(program.child.stdout ?? program.child, 'data');
  };
  return { program, logged };
}

describe.skipIf(process.platform === 'win32')('signals', () => {
  it('opens no debugger on SIGUSR1, reloads certificates and configuration on SIGHUP, and keeps running', async () => {
    const { program, logged } = await startServing();
    const { child } = program;
    await logged('"msg":"ready"');
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
      child.kill(signal);
      await logged(`"signal":"${signal}","msg":"signal ignored"`);
    }
    child.kill('SIGHUP');
    await logged('"msg":"reloaded: certificates are up to date, the configuration has not changed"');
    await expect(fetch('http://127.0.0.1:9229/json/version')).rejects.toThrow();
    child.kill('SIGTERM');
    expect(await program.exit).toEqual({ code: 0, signal: null });
    expect(program.stderr()).not.toMatch(/debugger/i);
  });

  it('says on SIGHUP which options have changed and what is wrong with them', async () => {
    const config = join(await temporaryDirectory(), 'sluice.yaml');
    await writeFile(config, 'maxStreams: 5\n');
    const { program, logged } = await startServing('--config', config);
    await logged('"msg":"ready"');
    await writeFile(config, 'maxStreams: 6\npublishKey: a-key-that-nobody-may-see\n');
    program.child.kill('SIGHUP');
    await logged('"changed":["maxStreams","publishKey"],"msg":"reloaded: certificates are up to date; these options');
    await writeFile(config, 'maxStreams: many\n');
    program.child.kill('SIGHUP');
    await logged('sluice.yaml:1 maxStreams: got \\"many\\", expected a whole number');
    program.child.kill('SIGTERM');
    expect(await program.exit).toEqual({ code: 0, signal: null });
  });
});

describe.runIf(process.platform === 'linux')('a start that must fail', () => {
  it.each([64, 96, 255])('says in one line that %i open files are too few', async (files) => {
    const script = `ulimit -n ${files} && exec "$0" "$@"`;
    const program = startProgram('/bin/sh', ['-c', script, process.execPath, await cliOf(), '--help']);
    expect(await program.exit).toEqual({ code: 1, signal: null });
    expect(program.stderr()).toBe(
      `sluice: cannot start: this process may have ${files} files open (ulimit -n), expected at least 256, better 65536: raise it with "ulimit -n 65536", or LimitNOFILE=65536 in the systemd unit\n`,
    );
  });

  it('ends on SIGTERM while FFMPEG_PATH is a script whose child hangs, and ends the child too', async () => {
    const directory = await temporaryDirectory();
    const wrapper = join(directory, 'ffmpeg');
    await writeFile(wrapper, `#!/bin/sh\nsleep 600 &\necho $! > '${directory}/child'\nwait\n`);
    await chmod(wrapper, 0o755);
    const { program } = await startServing('--ffmpeg-path', wrapper);
    const child = await expect
      .poll(() => readFile(join(directory, 'child'), 'utf8').catch(() => ''))
      .toMatch(/^\d+\n$/)
      .then(() => readFile(join(directory, 'child'), 'utf8'));
    program.child.kill('SIGTERM');
    expect(await program.exit).toEqual({ code: 0, signal: null });
    expect(program.stderr()).toBe('sluice: stopped by a signal while starting\n');
    await expect.poll(() => isAlive(Number(child))).toBe(false);
  });
});

/** A zombie counts as ended, because reaping it may be the task of another process. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) Z /.test(stat);
}
