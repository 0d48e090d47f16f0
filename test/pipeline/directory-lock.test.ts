// Two gateways must never share a directory, and a dead one must never block it. Tested with real processes and files, and any content of the lock.
import { readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DirectoryLock, type DirectoryLockOptions } from '../../src/pipeline/directory-lock.js';
import { type LockRecord, parseLockRecord, renderLockRecord } from '../../src/pipeline/lock-record.js';
import { identifyProcess } from '../../src/pipeline/process-identity.js';
import { eventually } from '../support/hls-client.js';
import { startProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const WATCH = 600;
const here = identifyProcess(process.pid);
const logs: { readonly level: string; readonly message: string }[] = [];
const logger = Object.fromEntries(
  ['debug', 'info', 'warn', 'error'].map((level) => [
    level,
    (_: object, message: string) => void logs.push({ level, message }),
  ]),
) as unknown as DirectoryLockOptions['logger'];
const held: DirectoryLock[] = [];

afterEach(async () => {
  for (const lock of held.splice(0)) await lock.release();
  logs.length = 0;
});

async function take(directory: string, options: Partial<DirectoryLockOptions> = {}): Promise<DirectoryLock> {
  const lock = await DirectoryLock.take({ path: join(directory, 'lock'), logger, watch: WATCH, beat: 50, ...options });
  held.push(lock);
  return lock;
}

/** Writes the lock of another process, with the current time as its file time. */
async function leave(directory: string, record: Partial<LockRecord>): Promise<void> {
  const identity = here ?? { pid: process.pid };
  const id = 'of-somebody-else';
  const whole = { ...identity, id, host: 'web1', since: '2026-11-28T10:00:00.000Z', beats: 1, ...record };
  await writeFile(join(directory, 'lock'), renderLockRecord(whole));
}

async function deadProcess(): Promise<number> {
  const program = startProgram('/bin/true', []);
  await program.exit;
  return program.pid;
}

const refusal = { code: 'pipeline.directory-in-use' };

describe('DirectoryLock', () => {
  it('has one holder at a time, and names it and the remedy', async () => {
    const directory = await temporaryDirectory();
    const first = await take(directory);
    const refused = take(directory);
    await expect(refused).rejects.toMatchObject(refusal);
    await expect(refused).rejects.toThrow(
      new RegExp(`^${directory} is in use by another gateway \\(process ${process.pid} on .*--media-dir`),
    );
    await first.release();
    await (await take(directory)).release();
    expect(await readdir(directory)).toEqual([]);
  });

  const left: { readonly what: string; readonly record: () => Promise<Partial<LockRecord>> }[] = [
    { what: 'a process that is gone', record: async () => ({ pid: await deadProcess() }) },
    { what: 'a process whose id somebody else has got', record: async () => ({ start: (here?.start ?? 0) - 1 }) },
    { what: 'process 1 of a container whose namespace is ours now', record: async () => ({ pid: 1, start: 1 }) },
  ];

  it.runIf(process.platform === 'linux').each(left)('is taken over at once from $what', async ({ record }) => {
    const directory = await temporaryDirectory();
    await leave(directory, await record());
    await take(directory, { watch: 60_000 });
    expect(await readdir(directory)).toEqual(['lock']);
    expect(logs).toEqual([]);
  });

  it('is taken over at once after a power cut, when it has not been written for long', async () => {
    const directory = await temporaryDirectory();
    await leave(directory, { boot: 'before the power cut' });
    const minuteAgo = Date.now() / 1000 - 60;
    await utimes(join(directory, 'lock'), minuteAgo, minuteAgo);
    await take(directory, { watch: 60_000 });
    expect(await readdir(directory)).toEqual(['lock']);
  });

  it.each([
    ['another boot', { boot: 'another' }],
    ['another container, where its holder is process 1 too', { namespace: 'pid:[1]', pid: 1 }],
  ])('is taken over from %s when nothing has been written for a while', async (_, record) => {
    const directory = await temporaryDirectory();
    await leave(directory, record);
    await take(directory);
    expect(logs.map(({ message }) => message)).toEqual([
      `waiting ${WATCH / 1000} s to see whether the gateway that locked this directory still runs`,
    ]);
    expect(await readdir(directory)).toEqual(['lock']);
  });

  it('is refused when its holder lives in another container or on another machine', async () => {
    const directory = await temporaryDirectory();
    let beats = 1;
    await leave(directory, { namespace: 'pid:[1]', pid: 1 });
    const beating = setInterval(() => void leave(directory, { namespace: 'pid:[1]', pid: 1, beats: beats++ }), 100);
    try {
      await expect(take(directory)).rejects.toMatchObject(refusal);
    } finally {
      clearInterval(beating);
    }
  });

  it('is taken over when a power cut left it without content', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'lock'), '');
    await take(directory);
  });

  it('has one winner when many find the same abandoned one', async () => {
    const directory = await temporaryDirectory();
    await leave(directory, { start: (here?.start ?? 0) - 1 });
    const takers = await Promise.allSettled(Array.from({ length: 12 }, () => take(directory)));
    expect(takers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const taker of takers) if (taker.status === 'rejected') expect(taker.reason).toMatchObject(refusal);
    expect(await readdir(directory)).toEqual(['lock']);
  });

  it('is written again when somebody empties the directory, with the other files that belong there', async () => {
    const directory = await temporaryDirectory();
    const onBeat = () => writeFile(join(directory, 'marker'), '');
    const lock = await take(directory, { onBeat });
    const id = parseLockRecord(await readFile(join(directory, 'lock'), 'utf8'))?.id;
    await eventually(async () => ((await readdir(directory)).length === 2 ? true : undefined));
    for (const name of await readdir(directory)) await rm(join(directory, name));
    await eventually(async () => ((await readdir(directory)).length === 2 ? true : undefined));
    expect(parseLockRecord(await readFile(join(directory, 'lock'), 'utf8'))?.id).toBe(id);
    expect(await lock.isAt(directory)).toBe(true);
    expect(await lock.isAt(await temporaryDirectory())).toBe(false);
  });

  it('notices that another gateway has taken it, and leaves that lock alone', async () => {
    const directory = await temporaryDirectory();
    const lock = await take(directory);
    await leave(directory, { pid: 4711 });
    const errors = () => logs.filter(({ level }) => level === 'error');
    await eventually(async () => (errors().length > 0 ? true : undefined));
    expect(lock.isLost).toBe(true);
    expect(errors()).toEqual([
      {
        level: 'error',
        message: expect.stringMatching(/^another gateway has taken this directory, process 4711 on web1/),
      },
    ]);
    await lock.release();
    expect(await readdir(directory)).toEqual(['lock']);
  });

  it('is never written or read through a symbolic link', async () => {
    const directory = await temporaryDirectory();
    const target = join(await temporaryDirectory(), 'precious');
    await writeFile(target, 'precious');
    await symlink(target, join(directory, 'lock'));
    await expect(take(directory)).rejects.toMatchObject({ code: 'ELOOP' });
    expect(await readFile(target, 'utf8')).toBe('precious');
  });
});
