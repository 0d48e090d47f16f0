// The limits of a container are in files of the kernel. The tests write such files, in the format of cgroups(7).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findProcessors } from '../../src/pipeline/cpu-times.js';
import { temporaryDirectory } from '../support/temp-dir.js';

async function controlGroup(max: string, usage: number): Promise<string> {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'cpu.max'), `${max}\n`);
  await writeFile(join(directory, 'cpu.stat'), `usage_usec ${usage}\nuser_usec 5\nsystem_usec 6\n`);
  return directory;
}

describe('findProcessors', () => {
  it('C4.11 measures a container with a limit against that limit, and not against the processors of its host', async () => {
    const directory = await controlGroup('50000 100000', 1_000);
    const { count, times } = findProcessors(directory);
    expect(count).toBe(1);
    const before = times();
    const since = performance.now();
    await writeFile(join(directory, 'cpu.stat'), 'usage_usec 26000\n');
    while (performance.now() - since < 50) await Promise.resolve();
    const after = times();
    expect(after.busy - before.busy).toBe(25_000);
    // Half a processor.
    const elapsed = (performance.now() - since) * 1000;
    expect(after.total - before.total).toBeGreaterThanOrEqual(25_000);
    expect(after.total - before.total).toBeLessThanOrEqual(elapsed);
  });

  it.each(['max 100000', ''])('measures the machine if the limit is "%s"', async (max) => {
    const { count, times } = findProcessors(await controlGroup(max, 1_000));
    expect(count).toBe(availableParallelism());
    const { busy, total } = times();
    expect(busy).toBeGreaterThan(0);
    expect(total).toBeGreaterThan(busy);
  });

  it.skipIf(process.platform !== 'linux')(
    'measures the CPU time of this process and its children, including ended ones',
    async () => {
      const { times } = findProcessors('/nonexistent');
      const before = times();
      const burn = 'const until = Date.now() + 300; while (Date.now() < until);';
      const child = spawn(process.execPath, ['-e', `${burn} process.stdin.resume();`], {
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      const used = (): number => (times().ours ?? 0) - (before.ours ?? 0);
      await expect.poll(used).toBeGreaterThanOrEqual(200);
      const running = used();
      child.stdin.end();
      await once(child, 'exit');
      expect(used()).toBeGreaterThanOrEqual(running);
      expect(times().busy - before.busy).toBeGreaterThan(0);
    },
  );

  it('measures the machine if there is no control group', () => {
    expect(findProcessors('/nonexistent').count).toBe(availableParallelism());
  });
});
