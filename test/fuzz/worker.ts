// Runs one target in its own thread, so that an input on which it never returns can be detected, saved and stopped.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { Coverage } from './coverage.js';
import { Engine, type Finding } from './engine.js';
import { TARGETS } from './targets.js';

export interface WorkerTask {
  readonly target: string;
  readonly seconds: number;
  readonly seed: number;
  readonly corpusDir: string;
  readonly regressionDir: string;
  /** `Int32Array`: [executions, length of the current input]; behind it the input itself. */
  readonly current: SharedArrayBuffer;
}

export interface WorkerReport {
  readonly type: 'progress' | 'done' | 'finding';
  readonly executions: number;
  readonly corpus: number;
  /** Characters of source that have run. */
  readonly covered: number;
  /** After a collection, when the process was started with --expose-gc. */
  readonly heapMiB: number;
  readonly error?: string;
  readonly file?: string;
}

const REPORT_PERIOD = 15_000;
/** A missing directory has no files. */
const filesOf = (dir: string): Buffer[] => {
  mkdirSync(dir, { recursive: true });
  return readdirSync(dir)
    .sort()
    .map((file) => readFileSync(join(dir, file)));
};

function save(dir: string, input: Buffer): string {
  mkdirSync(dir, { recursive: true });
  const file = join(dir, `${createHash('sha256').update(input).digest('hex').slice(0, 16)}.bin`);
  writeFileSync(file, input);
  return file;
}

function main(task: WorkerTask): void {
  const target = TARGETS.find(({ name }) => name === task.target);
  if (target === undefined || parentPort === null) throw new Error(`no target ${task.target}`);
  const port = parentPort;
  const state = new Int32Array(task.current, 0, 2);
  const copy = Buffer.from(task.current, 8);
  const coverage = new Coverage((url) => url.includes('/src/'));
  const engine = new Engine({
    target,
    coverage,
    corpus: [...filesOf(task.corpusDir), ...filesOf(task.regressionDir)],
    seed: task.seed,
    onInput: (input) => {
      state[1] = input.copy(copy);
      state[0] = (state[0] ?? 0) + 1;
    },
    onNew: (input) => save(task.corpusDir, input),
  });
  const report = (type: WorkerReport['type'], finding?: Finding): void => {
    globalThis.gc?.();
    port.postMessage({
      type,
      executions: engine.executions,
      corpus: engine.corpusSize,
      covered: coverage.size,
      heapMiB: process.memoryUsage().heapUsed / 2 ** 20,
      ...(finding !== undefined && {
        error: finding.error instanceof Error ? (finding.error.stack ?? finding.error.message) : String(finding.error),
        file: save(task.regressionDir, finding.input),
      }),
    } satisfies WorkerReport);
  };

  const started = performance.now();
  let reported = started;
  let finding = engine.start();
  while (finding === undefined && performance.now() - started < task.seconds * 1000) {
    finding = engine.step();
    if (performance.now() - reported > REPORT_PERIOD) {
      reported = performance.now();
      report('progress');
    }
  }
  report(finding === undefined ? 'done' : 'finding', finding);
  coverage.close();
}

main(workerData as WorkerTask);
