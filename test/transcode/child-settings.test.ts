// FFmpeg parses untrusted media, so its process has limits. The tests read them from the kernel.
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findChildSettings, TRANSCODE_NICENESS } from '../../src/transcode/child-settings.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { ffmpegChildren, npmFfmpeg } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const MEMORY = 1024 ** 3;
const variables = { PATH: process.env.PATH ?? '' };
const usual = async () => ({
  variables,
  directory: join(await temporaryDirectory(), 'work'),
  searchPath: variables.PATH,
  ffmpeg: npmFfmpeg(),
});

/** Soft limit of a running process, from proc_pid_limits(5). */
const limitOf = (pid: number, name: string): string | undefined =>
  new RegExp(`^${name} +(\\S+)`, 'm').exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1];

it('a running FFmpeg has a memory limit, no core file, no new privileges, low priority and its own directory', async () => {
  const gateway = await startGateway('--ladder', 'source,144p', '--segment-duration', '1');
  const publisher = publishTestPattern(gateway.publishUrl('limited'), { size: '320x180', preset: 'ultrafast' });
  const encoders = async () => (await ffmpegChildren()).filter((pid) => pid !== publisher.pid);
  await expect.poll(encoders).toHaveLength(1);
  const [pid = 0] = await encoders();
  expect(Number(limitOf(pid, 'Max data size'))).toBeLessThanOrEqual(3 * 1024 ** 3);
  expect(limitOf(pid, 'Max core file size')).toBe('0');
  expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^NoNewPrivs:\t1$/m);
  // proc_pid_stat(5): field 19 is the nice value; the name before it ends in a bracket.
  const nice = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')[16];
  const own = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')[16];
  expect(Number(nice)).toBe(Math.max(TRANSCODE_NICENESS, Number(own)));
  const directory = readlinkSync(`/proc/${pid}/cwd`);
  expect(directory).toMatch(/ffmpeg-work$/);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
});

it('a limit under which FFmpeg cannot start is omitted and logged', async () => {
  const { settings, missing } = await findChildSettings({ ...(await usual()), maxMemory: 1024 * 1024 });
  expect(missing).toEqual([expect.stringContaining('without a memory limit')]);
  expect(settings.launcher?.join(' ')).toMatch(/setpriv --pdeathsig KILL -- \S+setpriv --no-new-privs --$/);
});

it('a system without util-linux runs FFmpeg without limits, and logs that', async () => {
  const { settings, missing } = await findChildSettings({ ...(await usual()), searchPath: '' });
  expect(settings.launcher).toBeUndefined();
  expect(missing).toHaveLength(3);
});

it('an FFmpeg that needs more memory than its limit ends, and nothing else does', async () => {
  const { settings } = await findChildSettings({ ...(await usual()), maxMemory: MEMORY });
  const [command = '', ...args] = [...(settings.launcher ?? []), npmFfmpeg()];
  const { spawnSync } = await import('node:child_process');
  const huge = [
    '-v',
    'error',
    '-f',
    'lavfi',
    '-i',
    'color=s=16384x16384:d=1',
    '-vf',
    'split=8,xstack=inputs=8',
    '-f',
    'null',
    '-',
  ];
  const result = spawnSync(command, [...args, ...huge], { env: variables, encoding: 'utf8' });
  expect(result.status).not.toBe(0);
  expect(result.stderr).toMatch(/Cannot allocate memory|failed/i);
});
