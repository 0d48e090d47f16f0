// Whom a gateway may end that it did not start: real processes, told apart by their start and not by their id alone.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readProcessStart } from '../../src/transcode/process-activity.js';
import { ProcessLedger } from '../../src/transcode/process-ledger.js';
import { eventually } from '../support/hls-client.js';
import { startProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { silentLogger } from './silent-logger.js';

/** Nobody's any more: its start is of another process. */
const DEAD_GATEWAY = { pid: process.pid, start: 1 };

/** A program that leads its own group, as every FFmpeg does. */
function startSleeping() {
  return startProgram('/usr/bin/setsid', ['sleep', '600']);
}

async function written(directory: string, pid: number): Promise<string> {
  return eventually(async () => readFile(join(directory, `${pid}.json`), 'utf8').catch(() => undefined));
}

describe('C4.02 ProcessLedger', () => {
  it('ends what a dead gateway has left, stopped or not, once', async () => {
    const directory = join(await temporaryDirectory(), 'ffmpeg');
    const left = startSleeping();
    // It leads its own group when it has become what it is to be.
    await eventually(async () => ((await readFile(`/proc/${left.pid}/comm`, 'utf8')) === 'sleep\n' ? true : undefined));
    new ProcessLedger({ directory, logger: silentLogger, gateway: DEAD_GATEWAY }).started(left.pid);
    await written(directory, left.pid);
    process.kill(left.pid, 'SIGSTOP');
    const next = new ProcessLedger({ directory, logger: silentLogger });
    expect(await next.sweep()).toEqual([left.pid]);
    expect((await left.exit).signal).toBe('SIGKILL');
    expect(await readdir(directory)).toEqual([]);
    expect(await next.sweep()).toEqual([]);
  });

  it('leaves alone what runs under a gateway, what got the same id later or in another boot, and what it cannot read', async () => {
    const directory = await temporaryDirectory();
    const other = startSleeping();
    const ledger = new ProcessLedger({ directory, logger: silentLogger });
    ledger.started(other.pid);
    const entry = JSON.parse(await written(directory, other.pid)) as { start: number; boot: string };
    // Its gateway, this process, is there.
    expect(await ledger.sweep()).toEqual([]);
    expect(await readdir(directory)).toEqual([`${other.pid}.json`]);

    const dead = { ...entry, gateway: DEAD_GATEWAY };
    const wrong = [
      JSON.stringify({ ...dead, start: entry.start - 1 }),
      JSON.stringify({ ...dead, boot: 'another' }),
      JSON.stringify({ ...dead, pid: 1 }),
      JSON.stringify(dead).slice(0, 20),
    ];
    for (const text of wrong) {
      await writeFile(join(directory, `${other.pid}.json`), text);
      expect(await ledger.sweep(), text).toEqual([]);
      expect(await readdir(directory), text).toEqual([]);
    }
    expect(readProcessStart(other.pid)).toBe(entry.start);
  });

  it('forgets what has ended', async () => {
    const directory = await temporaryDirectory();
    const ledger = new ProcessLedger({ directory, logger: silentLogger });
    const { pid } = startSleeping();
    ledger.started(pid);
    await written(directory, pid);
    ledger.ended(pid);
    await eventually(async () => ((await readdir(directory)).length === 0 ? true : undefined));
  });
});
