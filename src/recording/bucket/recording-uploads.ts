// Keeps a bucket in sync with `recordDir`: recordings in progress are uploaded segment by segment, incomplete finished ones are completed one after
// the other, and removed ones are removed from the bucket.

import type { UploadState } from '../../contracts/recordings.js';
import type { Clock } from '../../protocols/clock.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import { systemCode } from '../../protocols/system-error.js';
import type { EpochMilliseconds, Milliseconds, Seconds } from '../../protocols/units.js';
import type { CatalogueEntry, CatalogueFollower } from '../catalogue.js';
import { isOpen } from '../recording-facts.js';
import { type BucketLine, NoLongerWanted } from './bucket-line.js';
import type { BucketPlace } from './bucket-place.js';
import { RecordingUpload } from './recording-upload.js';
import { removeUploads } from './removed-uploads.js';
import type { S3Bucket } from './s3-bucket.js';

export interface RecordingUploadsOptions {
  /** `recordDir`. */
  readonly root: string;
  readonly place: BucketPlace;
  readonly bucket: S3Bucket;
  readonly line: BucketLine;
  readonly clock: Clock;
  readonly domain: FailureDomain;
  readonly onSent: (bytes: number) => void;
  /** Called when a local file cannot be read or written; the work is retried. */
  readonly onDiskFailure: (cause: unknown) => void;
}

/** Pause after a failure of the local disk. */
const DISK_PAUSE: Milliseconds = 5_000;

interface Running {
  readonly upload: RecordingUpload;
  /** Time of the oldest change that is not uploaded yet; undefined if there is none. */
  behindSince: EpochMilliseconds | undefined;
  /** Time of a change during the current pass. */
  changedSince: EpochMilliseconds | undefined;
  /** Wakes the loop. */
  wake: () => void;
  /** Resolves when no request is in progress any more. */
  readonly ended: Promise<void>;
}

export class RecordingUploads implements CatalogueFollower {
  readonly #options: RecordingUploadsOptions;
  readonly #running = new Map<string, Running>();
  /** Finished recordings that may be incomplete in the bucket. */
  readonly #waiting = new Map<string, CatalogueEntry>();
  #isCatchingUp = false;
  #isRemoving = false;
  #removeAgain = false;
  #closed = false;
  #idle: (() => void) | undefined;

  constructor(options: RecordingUploadsOptions) {
    this.#options = options;
  }

  changed(entry: CatalogueEntry): void {
    const { id } = entry.facts;
    const running = this.#running.get(id);
    if (running?.upload.isStopped === false) {
      running.upload.entry = entry;
      running.changedSince ??= this.#options.clock.wallClock();
      running.wake();
    } else if (isOpen(entry.facts)) {
      // A recording without media has nothing to upload yet.
      if (entry.facts.bytes > 0) this.#start(entry);
    } else {
      this.#waiting.set(id, entry);
      this.#catchUp();
    }
  }

  leaves(id: string): void {
    this.#waiting.delete(id);
    const running = this.#running.get(id);
    running?.upload.stop();
    running?.wake();
  }

  /** Removes recordings from the bucket that were removed here. */
  removeGone(): void {
    this.#removeAgain = true;
    if (this.#isRemoving || this.#closed) return;
    this.#isRemoving = true;
    this.#options.domain.run('bucket removal', async () => {
      try {
        while (this.#removeAgain && !this.#closed) {
          this.#removeAgain = false;
          const isDone = await this.#unlessDiskFails(() =>
            removeUploads({ ...this.#options, whenIdle: async (id) => this.#running.get(id)?.ended }),
          );
          if (!isDone) this.#removeAgain = true;
        }
      } finally {
        this.#isRemoving = false;
        this.#tellIdle();
      }
    });
  }

  stateOf(id: string): UploadState {
    if (this.#running.has(id)) return 'uploading';
    return this.#waiting.has(id) ? 'waiting' : 'complete';
  }

  /** Recordings and bytes that are not uploaded yet, and the age of the oldest. */
  get backlog(): { readonly recordings: number; readonly bytes: number; readonly lag: Seconds } {
    const now = this.#options.clock.wallClock();
    let bytes = 0;
    let lag = 0;
    for (const { upload, behindSince } of this.#running.values()) {
      bytes += upload.pendingBytes;
      if (behindSince !== undefined) lag = Math.max(lag, (now - behindSince) / 1000);
    }
    return { recordings: this.#running.size + this.#waiting.size, bytes, lag };
  }

  /** Resolves when everything known now is uploaded, or when the line is closed. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve;
      this.#tellIdle();
    });
  }

  /** The line must be closed too, which aborts the requests in progress. */
  close(): void {
    this.#closed = true;
    for (const { wake } of this.#running.values()) wake();
  }

  #start(entry: CatalogueEntry): Running {
    const { clock, domain } = this.#options;
    const upload = new RecordingUpload({ ...this.#options, entry });
    const { id } = entry.facts;
    let ended: () => void = () => undefined;
    const running: Running = {
      upload,
      behindSince: undefined,
      changedSince: clock.wallClock(),
      wake: () => undefined,
      ended: new Promise((resolve) => {
        ended = resolve;
      }),
    };
    this.#running.set(id, running);
    domain.run('bucket upload', async () => {
      try {
        await this.#follow(running);
      } finally {
        this.#running.delete(id);
        ended();
        this.#tellIdle();
      }
    });
    return running;
  }

  async #follow(running: Running): Promise<void> {
    let result: 'complete' | Milliseconds | undefined;
    while (result !== 'complete' && !running.upload.isStopped && !this.#closed) {
      if (running.changedSince === undefined) await this.#nextChange(running, result);
      running.behindSince = running.changedSince;
      running.changedSince = undefined;
      const ended = await this.#unlessDiskFails(
        async () => {
          result = await running.upload.pass();
        },
        () => running.upload.isStopped,
      );
      if (ended) running.behindSince = undefined;
      else running.changedSince = running.behindSince ?? this.#options.clock.wallClock();
    }
  }

  /** Waits for a change, or until something is due. */
  #nextChange(running: Running, due: Milliseconds | undefined): Promise<void> {
    return new Promise((resolve) => {
      const cancel = due === undefined ? () => undefined : this.#options.clock.after(due, () => running.wake());
      running.wake = () => {
        running.wake = () => undefined;
        cancel();
        resolve();
      };
      if (this.#closed || running.upload.isStopped) running.wake();
    });
  }

  #catchUp(): void {
    if (this.#isCatchingUp || this.#closed) return;
    this.#isCatchingUp = true;
    this.#options.domain.run('bucket backlog', async () => {
      try {
        for (;;) {
          const [entry] = this.#waiting.values();
          if (entry === undefined || this.#closed) return;
          await this.#unlessDiskFails(async () => {
            const isComplete = await new RecordingUpload({ ...this.#options, entry }).isComplete();
            // An earlier upload of it may still be ending, if its removal failed.
            await this.#running.get(entry.facts.id)?.ended;
            if (!this.#waiting.delete(entry.facts.id) || isComplete || this.#closed) return;
            await this.#start(entry).ended;
          });
        }
      } finally {
        this.#isCatchingUp = false;
        this.#tellIdle();
      }
    });
  }

  /**
   * @param isGone whether the files have been removed meanwhile
   * @returns false, after a pause, if the local disk failed; other errors are ours
   */
  async #unlessDiskFails(work: () => Promise<void>, isGone = (): boolean => false): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (cause) {
      if (cause instanceof NoLongerWanted) return true;
      if (systemCode(cause) === undefined) throw cause;
      if (isGone()) return true;
      this.#options.onDiskFailure(cause);
      await new Promise<void>((resolve) => {
        this.#options.clock.after(DISK_PAUSE, resolve);
      });
      return false;
    }
  }

  #tellIdle(): void {
    if (this.#running.size > 0 || this.#waiting.size > 0 || this.#isRemoving) return;
    this.#idle?.();
  }
}
