// Whom a gateway may end that it did not start: real processes, told apart by their start and not by their id alone.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
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

/** Names of the entries of a process: with the namespace that its id is of. */
async function entriesOf(directory: string, pid: number): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).filter((name) => name.startsWith(`${pid}-`));
}

async function written(directory: string, pid: number): Promise<string> {
  return eventually(async () => {
    const [name] = await entriesOf(directory, pid);
    if (name === undefined) return undefined;
    return (await readFile(join(directory, name), 'utf8')) || undefined;
  });
}

describe('C4.02 ProcessLedger', () => {
  it('ends the processes that a dead gateway has left, stopped or not, once', async () => {
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

  it('spares processes of a running gateway, ids that were reused or are from another boot, and unreadable entries', async () => {
    const directory = await temporaryDirectory();
    const other = startSleeping();
    const ledger = new ProcessLedger({ directory, logger: silentLogger });
    ledger.started(other.pid);
    const entry = JSON.parse(await written(directory, other.pid)) as { start: number; boot: string };
    // Its gateway, this process, is there.
    expect(await ledger.sweep()).toEqual([]);
    expect(await entriesOf(directory, other.pid)).toHaveLength(1);

    const dead = { ...entry, gateway: DEAD_GATEWAY };
    const wrong = [
      JSON.stringify({ ...dead, start: entry.start - 1 }),
      JSON.stringify({ ...dead, boot: 'another' }),
      JSON.stringify({ ...dead, pid: 1 }),
      JSON.stringify(dead).slice(0, 20),
    ];
    for (const text of wrong) {
      for (const name of await readdir(directory)) await rm(join(directory, name));
      await writeFile(join(directory, `${other.pid}-4.json`), text);
      expect(await ledger.sweep(), text).toEqual([]);
      expect(await readdir(directory), text).toEqual([]);
    }
    expect(readProcessStart(other.pid)).toBe(entry.start);
  });

  it('spares processes of another container with the same directory, although both gateways are process 1', async () => {
    const directory = await temporaryDirectory();
    const other = startSleeping();
    new ProcessLedger({ directory, logger: silentLogger }).started(other.pid);
    const entry = JSON.parse(await written(directory, other.pid)) as { namespace: string };
    // As the gateway of another container writes it: the same ids, other processes.
    const elsewhere = { ...entry, namespace: 'pid:[1]', gateway: { pid: 1, start: 1 } };
    await writeFile(join(directory, `${other.pid}-1.json`), JSON.stringify(elsewhere));
    const here = new ProcessLedger({ directory, logger: silentLogger, gateway: DEAD_GATEWAY });
    expect(await here.sweep()).toEqual([]);
    expect(await entriesOf(directory, other.pid)).toHaveLength(2);
    // Its own entry of the same process id has a name of its own.
    here.started(other.pid);
    here.ended(other.pid);
    await eventually(async () => ((await entriesOf(directory, other.pid)).length === 1 ? true : undefined));
    expect(await entriesOf(directory, other.pid)).toEqual([`${other.pid}-1.json`]);
  });

  it('ends the processes left by an earlier gateway of this container that was process 1', async () => {
    const directory = await temporaryDirectory();
    const left = startSleeping();
    await eventually(async () => ((await readFile(`/proc/${left.pid}/comm`, 'utf8')) === 'sleep\n' ? true : undefined));
    new ProcessLedger({ directory, logger: silentLogger, gateway: { pid: 1, start: 1 } }).started(left.pid);
    await written(directory, left.pid);
    expect(await new ProcessLedger({ directory, logger: silentLogger }).sweep()).toEqual([left.pid]);
    await left.exit;
  });

  it('drops entries of processes that have ended', async () => {
    const directory = await temporaryDirectory();
    const ledger = new ProcessLedger({ directory, logger: silentLogger });
    const { pid } = startSleeping();
    ledger.started(pid);
    await written(directory, pid);
    ledger.ended(pid);
    await eventually(async () => ((await readdir(directory)).length === 0 ? true : undefined));
  });
});
