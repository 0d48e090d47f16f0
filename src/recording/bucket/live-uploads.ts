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

interface FollowedUpload {
  readonly upload: LiveUpload;
  readonly done: Promise<void>;
}

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
  readonly #uploads = new Map<string, FollowedUpload>();
  /** Ends of the removals in progress, by prefix. */
  readonly #removing = new Map<string, Promise<void>>();
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
    const earlier = this.#uploads.get(prefix);
    const after = Promise.all([earlier?.done, this.#removing.get(prefix)]).then(() => undefined);
    const upload = new LiveUpload({
      ...{ ...this.#options, stream, prefix, after },
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
        else this.#forget(prefix, upload, earlier);
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

  /** An upload that has listed nothing leaves the bucket as it was: what an earlier one has sent is still to be removed. */
  #forget(prefix: string, upload: LiveUpload, earlier: FollowedUpload | undefined): void {
    if (this.#uploads.get(prefix)?.upload !== upload) return;
    this.#uploads.delete(prefix);
    if (earlier?.upload.isListed !== true) return;
    this.#uploads.set(prefix, earlier);
    this.#removeLater(prefix, earlier.upload);
  }

  /** @param upload undefined for a stream of an earlier process */
  #removeLater(prefix: string, upload: LiveUpload | undefined, isOurs = async () => upload?.isOurs() ?? true): void {
    const { clock, domain, bucket, line } = this.#options;
    // The stream may be live again, here or at another gateway.
    const isWanted = (): boolean => this.#uploads.get(prefix)?.upload === upload;
    clock.after(AFTER_END, () =>
      domain.run('removal of an ended stream', async () => {
        if (!isWanted() || this.#removing.has(prefix)) return;
        const removed = unlessClosed(async () => {
          if (!(await isOurs())) return;
          await removeBelow(`${prefix}/`, bucket, line, isWanted);
        });
        this.#removing.set(prefix, removed);
        try {
          await removed;
        } finally {
          this.#removing.delete(prefix);
          if (isWanted()) this.#uploads.delete(prefix);
        }
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
              if (await this.#endPlaylists(prefix, playlists))
                this.#removeLater(prefix, undefined, () => areOurs(playlists));
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

async function areOurs(playlists: readonly LeftPlaylist[]): Promise<boolean> {
  const ours = await Promise.all(playlists.map(({ object }) => object.isOurs()));
  return ours.every(Boolean);
}

async function unlessClosed(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (!(cause instanceof NoLongerWanted)) throw cause;
  }
}
