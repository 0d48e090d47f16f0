// All live streams in the bucket: running ones, ended ones, which are removed after a while, and those of an earlier process.

import type { Clock } from '../../protocols/clock.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds, Seconds } from '../../protocols/units.js';
import { PLAYLIST } from '../recorded-playlist.js';
import type { RecordedStream } from '../recorded-stream.js';
import { type BucketLine, NoLongerWanted } from './bucket-line.js';
import { type BucketPlace, keyOf } from './bucket-place.js';
import { BucketRemovals } from './bucket-removals.js';
import { type Conditions, GuardedObject, TakenOver } from './guarded-object.js';
import { LiveUpload } from './live-upload.js';
import { playlistHeaders } from './object-headers.js';
import { keysBelow, removeBelow } from './remove-below.js';
import type { S3Bucket } from './s3-bucket.js';

export interface LiveUploadsOptions {
  readonly place: BucketPlace;
  readonly bucket: S3Bucket;
  readonly line: BucketLine;
  readonly clock: Clock;
  readonly domain: FailureDomain;
  /** Age at which a segment is skipped. */
  readonly maxLag: Milliseconds;
  readonly windowSegments: number;
  /** How long a stream of an earlier process may come back. */
  readonly resumeWindow: Milliseconds;
  readonly onSent: (bytes: number) => void;
  readonly onTakenOver: (stream: RecordedStream, error: TakenOver) => void;
  readonly conditions: Conditions;
}

/** Path of live streams below the prefix. The gateway serves them at the same path. */
const LIVE = 'hls';

/** How long an ended stream stays, for viewers who are behind or arrive late. */
const AFTER_END: Milliseconds = 120_000;

const END = '#EXT-X-ENDLIST\n';

interface LeftPlaylist {
  readonly object: GuardedObject;
  readonly text: string;
}

export class LiveUploads {
  /** Number of skipped segments. */
  dropped = 0;
  readonly #options: LiveUploadsOptions;
  readonly #removals: BucketRemovals;
  /** The newest upload of each name, by prefix. */
  readonly #uploads = new Map<string, { readonly upload: LiveUpload; readonly done: Promise<void> }>();
  readonly #running = new Set<LiveUpload>();
  readonly #idle: (() => void)[] = [];

  constructor(options: LiveUploadsOptions) {
    this.#options = options;
    const { bucket, line, clock, domain } = options;
    this.#removals = new BucketRemovals(bucket, line, clock, domain);
    domain.run('streams of an earlier process', () => this.#endLeft());
  }

  /** Bytes of waiting media, and the age of the oldest. */
  get backlog(): { readonly bytes: number; readonly lag: Seconds } {
    const now = this.#options.clock.now();
    let bytes = 0;
    let lag = 0;
    for (const upload of this.#running) {
      bytes += upload.bytes;
      if (upload.since !== undefined) lag = Math.max(lag, (now - upload.since) / 1000);
    }
    return { bytes, lag };
  }

  follow(stream: RecordedStream): void {
    const { place, domain, onTakenOver } = this.#options;
    const prefix = keyOf(place, `${LIVE}/${stream.app}/${stream.name}`);
    const upload = new LiveUpload({
      ...{ ...this.#options, stream, prefix, after: this.#uploads.get(prefix)?.done },
      onDropped: () => {
        this.dropped += 1;
      },
      onGone: (keys, lifetime) => this.#removals.add(keys, lifetime),
      onTakenOver: (error) => onTakenOver(stream, error),
    });
    this.#running.add(upload);
    const done = domain.settled('end of a live upload', async () => {
      try {
        await upload.run();
        if (upload.isListed) this.#removeLater(prefix, upload);
      } finally {
        this.#running.delete(upload);
        this.#tellIdle();
      }
    });
    this.#uploads.set(prefix, { upload, done });
  }

  /** Resolves when no stream has anything to upload. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    if (this.#running.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #removeLater(prefix: string, upload?: LiveUpload): void {
    const { clock, domain, bucket, line } = this.#options;
    clock.after(AFTER_END, () =>
      domain.run('removal of an ended stream', async () => {
        // The stream may be live again.
        if (this.#uploads.get(prefix)?.upload !== upload) return;
        this.#uploads.delete(prefix);
        await unlessClosed(() => removeBelow(`${prefix}/`, bucket, line));
      }),
    );
  }

  /** Ends the playlists of an earlier process whose publishers do not come back, and removes their objects later. */
  async #endLeft(): Promise<void> {
    const { clock, domain, resumeWindow } = this.#options;
    await unlessClosed(async () => {
      const left = await this.#findLeft();
      if (left.size === 0) return;
      clock.after(resumeWindow, () =>
        domain.run('end of streams of an earlier process', () =>
          unlessClosed(async () => {
            for (const [prefix, playlists] of left)
              if (await this.#endPlaylists(prefix, playlists)) this.#removeLater(prefix);
          }),
        ),
      );
    });
  }

  /** The streams in the bucket with their current media playlists. */
  async #findLeft(): Promise<Map<string, LeftPlaylist[]>> {
    const { place, bucket, line, conditions } = this.#options;
    const root = `${keyOf(place, LIVE)}/`;
    const left = new Map<string, LeftPlaylist[]>();
    for await (const keys of keysBelow(root, bucket, line)) {
      for (const key of keys) {
        const parts = key.slice(root.length).split('/');
        const prefix = `${root}${parts.slice(0, -2).join('/')}`;
        // Application, name, rendition, file.
        if (parts.length < 4 || this.#uploads.has(prefix)) continue;
        const playlists = left.get(prefix) ?? [];
        left.set(prefix, playlists);
        if (!key.endsWith(`/${PLAYLIST}`)) continue;
        const object = new GuardedObject(key, bucket, line, conditions);
        playlists.push({ object, text: (await object.open()) ?? '' });
      }
    }
    return left;
  }

  /** @returns false if the playlists have changed, because the publisher has come back, here or at another gateway */
  async #endPlaylists(prefix: string, playlists: readonly LeftPlaylist[]): Promise<boolean> {
    for (const { object, text } of playlists) {
      if (this.#uploads.has(prefix) || (await object.open()) !== text) return false;
      if (text.endsWith(END)) continue;
      try {
        await object.put(Buffer.from(`${text}${END}`), playlistHeaders(undefined));
      } catch (cause) {
        if (cause instanceof TakenOver) return false;
        throw cause;
      }
    }
    return true;
  }
}

async function unlessClosed(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (!(cause instanceof NoLongerWanted)) throw cause;
  }
}
