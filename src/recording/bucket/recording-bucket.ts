// The entry point of this folder: starts the uploads to the bucket and reports their state.

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

/** Maximum number of requests at the same time, for all recordings and streams. Each holds the bytes of one segment. */
const CONNECTIONS = 8;

/** How long a stopping gateway continues to send; the next start sends the rest. */
const CLOSE_GRACE: Milliseconds = 2_000;

/** Log texts for failures. */
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
      logger.error(
        { where, err: cause },
        'internal error: some media may be missing in the bucket until the next start',
      ),
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

  /** Gets all changes of the catalogue. */
  get follower(): CatalogueFollower {
    return this.#uploads;
  }

  /**
   * Call when recordings were removed, so that they are also removed from the bucket. Also call at start, for recordings that an earlier process
   * removed.
   */
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

  /** Sends as much as possible in a short time. The recordings must be finished. */
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
