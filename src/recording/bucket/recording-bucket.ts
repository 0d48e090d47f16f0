// The door of the room: what the gateway sends to a bucket, and how that goes.

import type { Logger } from '../../contracts/logger.js';
import type { BucketState, UploadState } from '../../contracts/recordings.js';
import type { Clock } from '../../protocols/clock.js';
import { FailureDomain } from '../../protocols/failure-domain.js';
import { systemReason } from '../../protocols/system-error.js';
import type { Milliseconds } from '../../protocols/units.js';
import type { CatalogueFollower } from '../catalogue.js';
import type { BucketFailure } from './bucket-failure.js';
import { BucketLine, type BucketWork } from './bucket-line.js';
import { type BucketKeys, type BucketPlace, nameOf } from './bucket-place.js';
import { RecordingUploads } from './recording-uploads.js';
import { S3Bucket } from './s3-bucket.js';

export interface RecordingBucketOptions {
  readonly place: BucketPlace;
  readonly keys: BucketKeys;
  /** Certificates to trust instead of those of Node, as PEM. */
  readonly ca: string | undefined;
  /** `recordDir`. */
  readonly root: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For a request and its answer; default: `DEADLINE` of s3-bucket.ts. */
  readonly deadline?: Milliseconds;
}

/** Requests at once, of all recordings and streams. Each holds the bytes of one segment. */
const CONNECTIONS = 8;

/** What a gateway that stops may still send; the next start sends the rest. */
const CLOSE_GRACE: Milliseconds = 2_000;

/** How the log names what fails. */
const WORK: Readonly<Record<BucketWork, string>> = {
  write: 'nothing can be sent to the bucket',
  list: 'the bucket cannot be listed',
  remove: 'nothing can be removed from the bucket',
};

export class RecordingBucket {
  readonly #options: RecordingBucketOptions;
  readonly #bucket: S3Bucket;
  readonly #line: BucketLine;
  readonly #domain: FailureDomain;
  readonly #clock: Clock;
  readonly #uploads: RecordingUploads;
  #sentBytes = 0;

  constructor(options: RecordingBucketOptions) {
    this.#options = options;
    const { place, logger, root } = options;
    this.#domain = new FailureDomain('bucket', ({ where, cause }) =>
      logger.error({ where, err: cause }, 'internal error: some of the bucket may be missing until the next start'),
    );
    const clock = this.#domain.clock(options.clock);
    this.#clock = clock;
    this.#bucket = new S3Bucket({ ...options, connections: CONNECTIONS, clock });
    this.#line = new BucketLine({
      clock,
      connections: CONNECTIONS,
      onFailed: (work, failure) => this.#failed(work, failure),
      onRecovered: (work) => logger.info({ bucket: nameOf(place), work }, 'the bucket works again'),
    });
    this.#uploads = new RecordingUploads({
      ...{ root, place, bucket: this.#bucket, line: this.#line, clock, domain: this.#domain },
      onSent: (bytes) => {
        this.#sentBytes += bytes;
      },
      onDiskFailure: (cause) =>
        logger.warn(
          { code: 'recording.disk', err: cause },
          `a recording cannot be sent to the bucket (${systemReason(cause)})`,
        ),
    });
  }

  /** Told of all recordings. */
  get follower(): CatalogueFollower {
    return this.#uploads;
  }

  /** Recordings were removed: the bucket follows. Call at the start as well, for those that an earlier process has removed. */
  removeGone(): void {
    this.#uploads.removeGone();
  }

  stateOf(id: string): UploadState {
    return this.#uploads.stateOf(id);
  }

  figures(): BucketState {
    const { recordings, bytes, lag } = this.#uploads.backlog;
    const { done, failed } = this.#line.counters;
    return {
      ...{ reason: this.#line.reason, requests: done, failedRequests: failed, sentBytes: this.#sentBytes },
      ...{ pendingRecordings: recordings, pendingBytes: bytes, lag },
    };
  }

  /** Sends what it can in a short time. The recordings must be finished. */
  async close(): Promise<void> {
    if (this.#line.reason === undefined) {
      await Promise.race([
        this.#uploads.idle(),
        new Promise<void>((resolve) => {
          this.#clock.after(CLOSE_GRACE, resolve);
        }),
      ]);
    }
    this.#uploads.close();
    this.#line.close();
    this.#bucket.close();
    this.#domain.close();
  }

  #failed(work: BucketWork, failure: BucketFailure): void {
    const { logger, place } = this.#options;
    logger.warn(
      { code: 'recording.bucket', bucket: nameOf(place), work, err: failure },
      `${WORK[work]}, it is tried again: ${failure.message}`,
    );
  }
}
