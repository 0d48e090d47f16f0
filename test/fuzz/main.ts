// `npm run fuzz -- [--seconds N] [target …]`: runs each target for a time and stores new inputs beside this file.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { TARGETS } from './targets.js';
import type { WorkerReport, WorkerTask } from './worker.js';

/** Milliseconds of processor time. An input that takes more is a finding: these readers take microseconds. */
const HANG = 10_000;
const WATCH_PERIOD = 1_000;
const DEFAULT_SECONDS = 60;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string' }, seed: { type: 'string' }, dir: { type: 'string', default: 'test/fuzz' } },
});
const seconds = Number(values.seconds ?? DEFAULT_SECONDS);
const known = TARGETS.map(({ name }) => name);
const chosen = positionals.length > 0 ? positionals : known;
const unknown = chosen.filter((name) => !known.includes(name));
if (unknown.length > 0 || !(seconds > 0)) {
  console.error(`usage: npm run fuzz -- [--seconds N] [--seed N] [target …]; targets: ${known.join(', ')}`);
  process.exit(2);
}
let failed = 0;
for (const name of chosen) failed += (await fuzz(name)) ? 0 : 1;
process.exit(failed === 0 ? 0 : 1);

/** CPU time of this process in milliseconds. Nearly all of it is used by the worker. */
function worked(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** @returns whether nothing was found */
function fuzz(target: string): Promise<boolean> {
  const maxBytes = TARGETS.find(({ name }) => name === target)?.maxBytes ?? 0;
  const current = new SharedArrayBuffer(8 + maxBytes);
  const state = new Int32Array(current, 0, 2);
  const seed = Number(values.seed ?? Date.now() % 2 ** 32);
  const regressionDir = join(values.dir, 'regressions', target);
  const task: WorkerTask = {
    target,
    seconds,
    seed,
    corpusDir: join(values.dir, 'corpus', target),
    regressionDir,
    current,
  };
  const started = performance.now();
  const heap: number[] = [];
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: task });
    let seen = -1;
    let workedBefore = 0;
    const watch = setInterval(() => {
      if (state[0] !== seen) {
        seen = state[0] ?? 0;
        workedBefore = worked();
        return;
      }
      // Uses CPU time instead of the clock: on a busy machine, a slow input would otherwise look like one that never ends.
      if (worked() - workedBefore < HANG) return;
      clearInterval(watch);
      const file = join(regressionDir, `hang-${Date.now()}.bin`);
      writeFileSync(file, Buffer.from(current, 8, state[1] ?? 0));
      console.error(`${target}: no input finished in ${HANG} ms of work, kept as ${file}`);
      void worker.terminate().then(() => resolve(false));
    }, WATCH_PERIOD);
    worker.on('message', (report: WorkerReport) => {
      heap.push(report.heapMiB);
      if (report.type === 'progress') return;
      clearInterval(watch);
      const took = (performance.now() - started) / 1000;
      const memory = `heap after collection ${heap[0]?.toFixed(1)} MiB at first, ${heap.at(-1)?.toFixed(1)} at last, ${Math.max(...heap).toFixed(1)} at most`;
      const sum = `${report.executions} inputs in ${took.toFixed(0)} s, ${report.covered} characters of source covered, corpus ${report.corpus}, seed ${seed}, ${memory}`;
      if (report.type === 'done') console.log(`${target}: nothing found. ${sum}`);
      else console.error(`${target}: FOUND, kept as ${report.file}. ${sum}\n${report.error}`);
      resolve(report.type === 'done');
    });
    worker.on('error', reject);
  });
}
