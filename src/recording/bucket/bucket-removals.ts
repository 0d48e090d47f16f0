// Removes objects of live streams from the bucket when no player can request them any more, many at a time.

import type { Clock } from '../../protocols/clock.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';
import { type BucketLine, NoLongerWanted } from './bucket-line.js';
import type { S3Bucket } from './s3-bucket.js';

/** Due objects are collected for this time, so that one request removes those of all renditions. */
const GATHERS: Milliseconds = 10_000;

/** Limit of waiting keys, of about 100 bytes each, while removal fails. Further objects stay until the whole stream is removed after its end. */
const MAX_KEYS = 20_000;

export class BucketRemovals {
  readonly #bucket: S3Bucket;
  readonly #line: BucketLine;
  readonly #clock: Clock;
  readonly #domain: FailureDomain;
  #waiting: { readonly key: string; readonly at: Milliseconds }[] = [];
  #isRunning = false;

  constructor(bucket: S3Bucket, line: BucketLine, clock: Clock, domain: FailureDomain) {
    this.#bucket = bucket;
    this.#line = line;
    this.#clock = clock;
    this.#domain = domain;
  }

  add(keys: readonly string[], lifetime: Milliseconds): void {
    const at = this.#clock.now() + lifetime;
    for (const key of keys.slice(0, MAX_KEYS - this.#waiting.length)) this.#waiting.push({ key, at });
    this.#run();
  }

  #run(): void {
    if (this.#isRunning || this.#waiting.length === 0) return;
    this.#isRunning = true;
    this.#clock.after(GATHERS, () =>
      this.#domain.run('removal from the bucket', async () => {
        try {
          await this.#removeDue();
        } finally {
          this.#isRunning = false;
          this.#run();
        }
      }),
    );
  }

  async #removeDue(): Promise<void> {
    const now = this.#clock.now();
    const due = this.#waiting.filter(({ at }) => at <= now).map(({ key }) => key);
    if (due.length === 0) return;
    try {
      await this.#line.persist('remove', (signal) => this.#bucket.remove(due, signal));
    } catch (cause) {
      if (!(cause instanceof NoLongerWanted)) throw cause;
    }
    const removed = new Set(due);
    this.#waiting = this.#waiting.filter(({ key }) => !removed.has(key));
  }
}
