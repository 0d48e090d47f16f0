// The entry point of this folder: starts the uploads to the bucket and reports their state.

import type { Logger } from '../../contracts/logger.js';
import type { BucketState, UploadState } from '../../contracts/recordings.js';
import type { Clock } from '../../protocols/clock.js';
import { FailureDomain } from '../../protocols/failure-domain.js';
import { systemReason } from '../../protocols/system-error.js';
import type { Milliseconds } from '../../protocols/units.js';
import type { CatalogueFollower } from '../catalogue.js';
import type { RecordedStream } from '../recorded-stream.js';
import type { BucketFailure } from './bucket-failure.js';
import { BucketLine, type BucketWork } from './bucket-line.js';
import { type BucketKeys, type BucketPlace, nameOf } from './bucket-place.js';
import { LiveUploads, type LiveUploadsOptions } from './live-uploads.js';
import { RecordingUploads } from './recording-uploads.js';
import { S3Bucket } from './s3-bucket.js';

export interface RecordingBucketOptions {
  readonly place: BucketPlace;
  readonly keys: BucketKeys;
  /** Certificates to trust instead of those of Node, as PEM. */
  readonly ca: string | undefined;
  /** `recordDir`. */
  readonly root: string;
  readonly uploads: 'recordings' | 'live' | 'both';
  /** Of live streams: age at which a segment is left out, length of the playlist, and how long a stream may come back. */
  readonly live: {
    readonly maxLag: Milliseconds;
    readonly windowSegments: number;
    readonly resumeWindow: Milliseconds;
  };
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
  readonly #uploads: RecordingUploads | undefined;
  readonly #live: LiveUploads | undefined;
  #sentBytes = 0;

  constructor(options: RecordingBucketOptions) {
    this.#options = options;
    const { place, logger, root, uploads } = options;
    this.#domain = new FailureDomain('bucket', ({ where, cause }) =>
      logger.error(
        { where, err: cause },
        'internal error: some media may be missing in the bucket until the next start',
      ),
    );
    const clock = this.#domain.clock(options.clock);
    this.#clock = clock;
    this.#bucket = new S3Bucket({ ...options, clock });
    this.#line = new BucketLine({
      clock,
      connections: CONNECTIONS,
      onFailed: (work, failure) => this.#failed(work, failure),
      onRecovered: (work) => logger.info({ bucket: nameOf(place), work }, 'the bucket works again'),
    });
    const onSent = (bytes: number): void => {
      this.#sentBytes += bytes;
    };
    const parts = { place, bucket: this.#bucket, line: this.#line, clock, domain: this.#domain, onSent };
    if (uploads !== 'recordings') this.#live = this.#openLive(parts);
    if (uploads === 'live') return;
    this.#uploads = new RecordingUploads({
      ...{ ...parts, root },
      onDiskFailure: (cause) =>
        logger.warn(
          { code: 'recording.disk', err: cause },
          `a recording cannot be sent to the bucket (${systemReason(cause)})`,
        ),
    });
  }

  /** Gets all changes of the catalogue. Undefined if recordings are not sent. */
  get follower(): CatalogueFollower | undefined {
    return this.#uploads;
  }

  /** Call when a stream begins. */
  follow(stream: RecordedStream): void {
    this.#live?.follow(stream);
  }

  /**
   * Call when recordings were removed, so that they are also removed from the bucket. Also call at start, for recordings that an earlier process
   * removed.
   */
  removeGone(): void {
    this.#uploads?.removeGone();
  }

  /** Undefined if recordings are not sent. */
  stateOf(id: string): UploadState | undefined {
    return this.#uploads?.stateOf(id);
  }

  figures(): BucketState {
    const { recordings, bytes, lag } = this.#uploads?.backlog ?? { recordings: 0, bytes: 0, lag: 0 };
    const live = this.#live?.backlog ?? { bytes: 0, lag: 0 };
    const { done, failed } = this.#line.counters;
    return {
      ...{ reason: this.#line.reason, requests: done, failedRequests: failed, sentBytes: this.#sentBytes },
      ...{ pendingRecordings: recordings, pendingBytes: bytes + live.bytes, lag: Math.max(lag, live.lag) },
      droppedSegments: this.#live?.dropped ?? 0,
    };
  }

  /** Sends as much as possible in a short time. The recordings must be finished. */
  async close(): Promise<void> {
    if (this.#line.reason === undefined) {
      await Promise.race([
        Promise.all([this.#uploads?.idle(), this.#live?.idle()]),
        new Promise<void>((resolve) => {
          this.#clock.after(CLOSE_GRACE, resolve);
        }),
      ]);
    }
    this.#uploads?.close();
    this.#line.close();
    this.#bucket.close();
    this.#domain.close();
  }

  #openLive(
    parts: Omit<LiveUploadsOptions, 'conditions' | 'onTakenOver' | keyof RecordingBucketOptions['live']>,
  ): LiveUploads {
    const { logger, place, live } = this.#options;
    return new LiveUploads({
      ...{ ...parts, ...live },
      conditions: {
        unsupported: undefined,
        onUnsupported: (failure) =>
          logger.warn(
            { code: 'recording.bucket', bucket: nameOf(place), err: failure },
            'the bucket does not know conditional requests: a second gateway that sends the same stream would not be noticed',
          ),
      },
      onTakenOver: ({ app, name }, error) =>
        logger.error(
          { code: 'recording.bucket-taken', app, stream: name, err: error },
          'another gateway sends this stream to the bucket; this one stops sending it',
        ),
    });
  }

  #failed(work: BucketWork, failure: BucketFailure): void {
    const { logger, place } = this.#options;
    logger.warn(
      { code: 'recording.bucket', bucket: nameOf(place), work, err: failure },
      `${WORK[work]}, it is tried again: ${failure.message}`,
    );
  }
}
