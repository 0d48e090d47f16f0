// Runs the disk thread and passes it the work of all streams, one message at a time. The bytes of a message lie in shared memory of a fixed size.
// While the disk is slow, waiting segments stay in the live windows, which hold them anyway, so the memory for disk writes does not grow with the
// number of streams.
import { Worker } from 'node:worker_threads';
import { systemCode } from '../../protocols/system-error.js';
import type { Milliseconds } from '../../protocols/units.js';
import { hlsError } from '../errors.js';
import { DiskJob, type DiskStep } from './disk-job.js';
import type { DiskCall, DiskMessage, DiskThreadData, JobDone } from './disk-work.js';

/** Bytes of one message: small enough for a CPU cache, large enough for one second of media of most streams. */
const STAGING_BYTES = 1024 * 1024;

/** Heap limits of the thread. It keeps no data; Node itself needs about 5 MB. */
const HEAP_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32, stackSizeMb: 1 };

export interface DiskThreadOptions {
  readonly root: string;
  /** Returns the real path of the media directory. Called before each message. */
  readonly realRoot: () => string | undefined;
  /** After this time without work the thread ends. The next work starts a new one. */
  readonly idle: Milliseconds;
}

export class DiskThread {
  readonly #options: DiskThreadOptions;
  #worker: Worker | undefined;
  #staging: Buffer | undefined;
  /** Jobs in the order of their calls. */
  #waiting: DiskJob[] = [];
  /** Jobs with calls in the message that the thread works on. */
  #sent: DiskJob[] = [];
  #due = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: DiskThreadOptions) {
    this.#options = options;
  }

  /** Performs the steps in order, up to the first that fails. Never rejects: if the thread dies, its jobs are answered as failed. */
  run(steps: readonly DiskStep[]): Promise<JobDone> {
    return new Promise((resolve) => {
      this.#waiting.push(new DiskJob(steps, resolve));
      if (this.#due || this.#sent.length > 0) return;
      this.#due = true;
      // Jobs of other streams from the same turn of the event loop share the message.
      setImmediate(() => this.#send());
    });
  }

  #send(): void {
    this.#due = false;
    if (this.#sent.length > 0) return;
    try {
      const worker = this.#started();
      const staging = this.#staging;
      if (staging === undefined) return;
      const jobs = this.#fill(staging);
      if (jobs.length === 0) {
        this.#rest(worker);
        return;
      }
      // Keeps the process alive until the job is done.
      worker.ref();
      const message: DiskMessage = { realRoot: this.#options.realRoot(), jobs };
      worker.postMessage(message);
    } catch (cause) {
      this.#lost(cause);
    }
  }

  /** Moves as much as fits from the waiting jobs into a message. */
  #fill(staging: Buffer): DiskCall[][] {
    const jobs: DiskCall[][] = [];
    let at = 0;
    for (const job of this.#waiting) {
      const calls: DiskCall[] = [];
      at = job.fill(staging, at, calls);
      jobs.push(calls);
      this.#sent.push(job);
      if (!job.isSent) break;
    }
    // A job that was sent in part stays at the head of the queue.
    this.#waiting.splice(0, this.#sent.length - (this.#sent.at(-1)?.isSent === false ? 1 : 0));
    return jobs;
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const staging = new SharedArrayBuffer(STAGING_BYTES);
    const workerData: DiskThreadData = { root: this.#options.root, staging };
    const options = { workerData, execArgv: [], env: {}, resourceLimits: HEAP_LIMITS, name: 'disk' };
    const worker = new Worker(new URL('./disk-thread.js', import.meta.url), options);
    this.#worker = worker;
    this.#staging = Buffer.from(staging);
    worker.on('message', (done: readonly JobDone[]) => this.#received(worker, done));
    worker.on('error', (cause) => this.#ended(worker, cause));
    worker.on('exit', () => this.#ended(worker, undefined));
    return worker;
  }

  #received(worker: Worker, done: readonly JobDone[]): void {
    if (worker !== this.#worker) return;
    const sent = this.#sent;
    this.#sent = [];
    for (const [i, job] of sent.entries()) {
      const result = done[i];
      if (result !== undefined) job.note(result);
      // The remaining steps of a failed job are not sent.
      if (job.isSettled && this.#waiting[0] === job) this.#waiting.shift();
    }
    this.#send();
  }

  #ended(worker: Worker, cause: unknown): void {
    if (worker === this.#worker) this.#lost(cause);
  }

  /** The thread has ended: its jobs fail, and their callers try again. */
  #lost(cause: unknown): void {
    this.#worker = undefined;
    this.#staging = undefined;
    const jobs = new Set([...this.#sent.splice(0), ...this.#waiting.splice(0)]);
    const error = hlsError('hls.store', 'the thread that writes to the disk has ended', { cause });
    for (const job of jobs) job.fail({ message: error.message, code: systemCode(cause) });
  }

  #rest(worker: Worker): void {
    worker.unref();
    this.#idle ??= setTimeout(() => this.#dismiss(), this.#options.idle).unref();
    this.#idle.refresh();
  }

  #dismiss(): void {
    this.#idle = undefined;
    if (this.#due || this.#sent.length > 0) return;
    this.#worker?.postMessage('end');
    this.#worker = undefined;
    this.#staging = undefined;
  }
}
