// Uploads one live stream: its renditions in parallel, each playlist after its media, and the multivariant playlist last. Waiting media is in memory,
// so it is limited by time and by bytes; segments that are too late are listed as gaps.

import type { Clock } from '../../protocols/clock.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';
import { PLAYLIST } from '../recorded-playlist.js';
import type { RecordedRendition, RecordedSegment, RecordedStream, RecordedVariants } from '../recorded-stream.js';
import { WorkInTurn } from '../work-in-turn.js';
import { type BucketLine, NoLongerWanted } from './bucket-line.js';
import { type Conditions, GuardedObject, TakenOver } from './guarded-object.js';
import { LiveTrack, type ShownSegment } from './live-track.js';
import { type ObjectHeaders, playlistHeaders } from './object-headers.js';
import type { S3Bucket } from './s3-bucket.js';

export interface LiveUploadOptions {
  readonly stream: RecordedStream;
  /** Prefix of the keys of the stream: `tv/hls/live/cam`. */
  readonly prefix: string;
  /** Resolves when the upload of an earlier stream of this name has ended. */
  readonly after: Promise<void> | undefined;
  readonly bucket: S3Bucket;
  readonly line: BucketLine;
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly domain: FailureDomain;
  readonly maxLag: Milliseconds;
  readonly windowSegments: number;
  readonly onSent: (bytes: number) => void;
  readonly onDropped: () => void;
  /** Called with keys that are no longer listed, and for how long players may still request them. */
  readonly onGone: (keys: readonly string[], lifetime: Milliseconds) => void;
  readonly onTakenOver: (error: TakenOver) => void;
}

/** Limit of the media of one stream that waits in memory. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

/** Number of segment times remembered for renditions that lack segments. */
const MAX_SHOWN = 64;

export class LiveUpload {
  readonly #options: LiveUploadOptions;
  readonly #tracks = new Map<string, LiveTrack>();
  readonly #ends: Promise<void>[] = [];
  readonly #shown = new Map<number, ShownSegment>();
  readonly #turns = new WorkInTurn();
  #variants: RecordedVariants;
  /** Renditions that `#variants` describes. */
  #described = new Set<string>();
  #variantsText = '';
  #isTakenOver = false;
  readonly #unsubscribe: () => void;
  readonly #ended: Promise<void>;
  #end: () => void = () => undefined;

  constructor(options: LiveUploadOptions) {
    const { stream } = options;
    this.#options = options;
    this.#variants = stream.variants();
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#unsubscribe = stream.subscribe({
      segment: (...segment) => this.#take(...segment),
      ended: () => this.#end(),
    });
    if (stream.ended) this.#end();
  }

  /** Time since which the oldest segment has been waiting. */
  get since(): Milliseconds | undefined {
    const all = [...this.#tracks.values()].flatMap(({ since }) => since ?? []);
    return all.length === 0 ? undefined : Math.min(...all);
  }

  get bytes(): number {
    return [...this.#tracks.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether anything of it was uploaded. */
  get isListed(): boolean {
    return this.#variantsText !== '' && !this.#isTakenOver;
  }

  /** Whether no other gateway has written any of its media playlists since. @throws {NoLongerWanted} */
  async isOurs(): Promise<boolean> {
    const listed = [...this.#tracks.values()].filter(({ isListed }) => isListed);
    const ours = await Promise.all(listed.map((track) => track.isOurs()));
    return ours.every(Boolean);
  }

  /** Resolves when the stream has ended and its last playlists are uploaded, or another gateway has taken it over. Never rejects. */
  async run(): Promise<void> {
    await this.#ended;
    this.#unsubscribe();
    for (const track of this.#tracks.values()) track.end();
    await Promise.all(this.#ends);
    await this.#guarded(() => this.#turns.take(() => this.#putVariants(true)));
  }

  #take(rendition: RecordedRendition, segment: RecordedSegment): void {
    if (this.#isTakenOver) return;
    const { number, duration, programDateTime, discontinuity } = segment;
    if (!this.#shown.has(number)) this.#shown.set(number, { duration, programDateTime, discontinuity });
    for (const old of [...this.#shown.keys()].slice(0, -MAX_SHOWN)) this.#shown.delete(old);
    this.#trackOf(rendition).take(segment);
    for (const track of this.#tracks.values()) track.dropLate();
    while (this.bytes > MAX_PENDING_BYTES) {
      const [oldest] = [...this.#tracks.values()].filter(({ bytes }) => bytes > 0).sort(bySince);
      if (oldest === undefined || oldest.dropOldest() === 0) break;
    }
  }

  #trackOf({ name }: RecordedRendition): LiveTrack {
    const known = this.#tracks.get(name);
    if (known !== undefined) return known;
    const { stream, prefix, after, bucket, line, conditions, domain, onGone } = this.#options;
    const track: LiveTrack = new LiveTrack({
      ...this.#options,
      name,
      playlist: new GuardedObject(`${prefix}/${name}/${PLAYLIST}`, bucket, line, conditions),
      put: (file, headers, body, isWanted) => this.#put(`${name}/${file}`, headers, body, isWanted),
      targetDuration: () => stream.targetDuration ?? 1,
      shown: (number) => this.#shown.get(number),
      onListed: (segment) => this.#turns.take(() => this.#listed(name, segment)),
      onGone: (files) => {
        // RFC 8216bis 6.2.2: for the duration of the longest playlist that has listed it.
        const lifetime = track.list.duration * 1000;
        onGone(
          files.map((file) => `${prefix}/${name}/${file}`),
          lifetime,
        );
      },
    });
    this.#tracks.set(name, track);
    const run = async (): Promise<void> => {
      await after;
      await track.run();
    };
    this.#ends.push(domain.settled('live upload', () => this.#guarded(run)));
    return track;
  }

  /** Ends quietly if the gateway stops, and for good if another one has taken over the stream. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      if (!this.#isTakenOver) await work();
    } catch (cause) {
      if (cause instanceof NoLongerWanted) return;
      if (!(cause instanceof TakenOver)) throw cause;
      if (this.#isTakenOver) return;
      this.#isTakenOver = true;
      this.#unsubscribe();
      for (const track of this.#tracks.values()) track.abandon();
      this.#options.onTakenOver(cause);
      // The publisher may come back to this gateway, whose next upload waits for the end of this one.
      this.#end();
    }
  }

  async #listed(name: string, segment: RecordedSegment): Promise<void> {
    const { renditions, targetDuration } = this.#options.stream;
    // A rendition was withdrawn and must leave the multivariant playlist, which is therefore rebuilt.
    if ([...this.#described].some((described) => !renditions.includes(described))) {
      this.#variants = this.#options.stream.variants();
      this.#described = new Set();
    }
    this.#variants.add(name, segment);
    this.#described.add(name);
    if (targetDuration !== undefined) await this.#putVariants(false);
  }

  async #putVariants(ended: boolean): Promise<void> {
    const { renditions } = this.#options.stream;
    const isWhole = renditions.every((name) => this.#described.has(name) || !this.#tracks.has(name));
    const text = this.#variants.text(ended)?.replace(/^#EXT-X-I-FRAME-STREAM-INF:.*\n/gm, '');
    if (text === undefined || text === this.#variantsText || !(isWhole || ended)) return;
    const age = ended ? undefined : this.#options.stream.targetDuration;
    await this.#put(PLAYLIST, playlistHeaders(age), Buffer.from(text));
    this.#variantsText = text;
  }

  async #put(path: string, headers: ObjectHeaders, body: Buffer, isWanted?: () => boolean): Promise<void> {
    const { prefix, bucket, line, onSent } = this.#options;
    const key = `${prefix}/${path}`;
    const isOurs = (): boolean => !this.#isTakenOver && (isWanted?.() ?? true);
    await line.persist('write', (signal) => bucket.put({ key, body, ...headers }, signal), isOurs);
    onSent(body.length);
  }
}

function bySince(a: LiveTrack, b: LiveTrack): number {
  return (a.since ?? 0) - (b.since ?? 0);
}
