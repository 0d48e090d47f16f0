// The messages that wait for one target. The queue is bounded: video is dropped up to the next key frame, while audio and headers stay. Without a
// connection it keeps only the messages with which a new connection must start: the headers, and the pictures since the last key frame.

import type { Milliseconds } from '../protocols/units.js';
import { type RelayTag, waitingBytes } from './stream-source.js';

export interface QueueLimits {
  readonly maxBytes: number;
  /** How long a message may wait while there is a connection. */
  readonly maxAge: Milliseconds;
}

export const QUEUE_LIMITS: QueueLimits = { maxBytes: 8 * 1024 * 1024, maxAge: 5_000 };

/** Taken entries are removed from the array only after this many, which makes taking O(1) amortized. */
const COMPACT_AT = 256;

interface Waiting {
  readonly tag: RelayTag;
  since: Milliseconds;
}

/** After this time without pictures, a stream counts as audio only, and its audio is sent alone. */
const SOUND_ALONE: Milliseconds = 1_000;

/**
 * - `start`: the queue is empty. The headers are added with the next key frame.
 * - `whole`: everything is kept.
 * - `gap`: pictures were dropped, so further pictures are useless until the next key frame.
 */
type Phase = 'start' | 'whole' | 'gap';

export class SendQueue {
  readonly #limits: QueueLimits;
  readonly #now: () => Milliseconds;
  /** The last header of each kind. */
  readonly #headers = new Map<RelayTag['kind'], RelayTag>();
  #waiting: Waiting[] = [];
  #head = 0;
  #bytes = 0;
  #dropped = 0;
  #phase: Phase = 'start';
  #hasVideo = false;
  #firstSound: Milliseconds | undefined;
  #isConnected = false;

  constructor(limits: QueueLimits, now: () => Milliseconds) {
    this.#limits = limits;
    this.#now = now;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Number of frames. */
  get dropped(): number {
    return this.#dropped;
  }

  /** For how long the oldest message has been waiting; 0 without a connection. */
  get age(): Milliseconds {
    const oldest = this.#waiting[this.#head];
    return oldest === undefined || !this.#isConnected ? 0 : this.#now() - oldest.since;
  }

  /** The last header of this kind. */
  header(kind: 'audio' | 'video'): RelayTag | undefined {
    return this.#headers.get(kind);
  }

  /** Call when there is a connection. The queue, if not empty, begins with headers and a key frame. */
  connected(): void {
    this.#isConnected = true;
    const now = this.#now();
    for (const waiting of this.#waiting) waiting.since = now;
  }

  /**
   * Call when the connection is lost. Queued pictures are dropped, because they cannot be decoded without those that were lost with the connection.
   */
  disconnected(): void {
    this.#isConnected = false;
    this.#restart();
  }

  push(tag: RelayTag): void {
    if (tag.kind === 'video') this.#hasVideo = true;
    if (!isFrame(tag)) {
      this.#headers.set(tag.kind, tag);
      if (this.#phase !== 'start') this.#append(tag);
    } else if (this.#isConnected) {
      this.#pushConnected(tag);
    } else {
      // A new connection starts at the newest key frame, or with audio.
      if (tag.keyFrame || !this.#hasVideo) this.#forget();
      this.#pushConnected(tag);
    }
    if (this.#bytes > this.#limits.maxBytes) this.#shrink();
  }

  take(): RelayTag | undefined {
    const waiting = this.#waiting[this.#head];
    if (waiting === undefined) return undefined;
    this.#head += 1;
    this.#bytes -= waitingBytes(waiting.tag);
    if (this.#head === this.#waiting.length || this.#head === COMPACT_AT) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    return waiting.tag;
  }

  /** Drops messages that have waited too long: pictures up to the next key frame, and old audio. */
  keepAge(): void {
    if (this.age <= this.#limits.maxAge) return;
    const oldest = this.#now() - this.#limits.maxAge;
    this.#keep(({ tag, since }) => !isFrame(tag) || (tag.kind === 'audio' && since >= oldest));
    this.#phase = this.#hasVideo ? 'gap' : 'whole';
  }

  #pushConnected(tag: RelayTag): void {
    if (this.#phase === 'start') {
      if (this.#startsWith(tag)) this.#begin(tag);
    } else if (this.#phase === 'gap' && tag.kind === 'video' && !tag.keyFrame) {
      this.#dropped += 1;
    } else {
      if (tag.kind === 'video') this.#phase = 'whole';
      this.#append(tag);
    }
  }

  #startsWith({ kind, keyFrame, dts, momentary }: RelayTag): boolean {
    if (momentary === true) return false;
    if (this.#hasVideo || kind === 'video') return keyFrame;
    this.#firstSound ??= dts;
    return dts - this.#firstSound >= SOUND_ALONE;
  }

  #begin(tag: RelayTag): void {
    for (const kind of ['script', 'video', 'audio'] as const) {
      const header = this.#headers.get(kind);
      if (header !== undefined) this.#append(header);
    }
    this.#append(tag);
    this.#phase = 'whole';
  }

  #append(tag: RelayTag): void {
    this.#waiting.push({ tag, since: this.#now() });
    this.#bytes += waitingBytes(tag);
  }

  /** Called when the queue exceeds its byte limit. */
  #shrink(): void {
    if (!this.#isConnected) {
      // All are dropped, because some of the pictures since a key frame are useless without the others.
      this.#restart();
      return;
    }
    this.#keep(({ tag }) => tag.kind !== 'video' || tag.sequenceHeader);
    if (this.#bytes > this.#limits.maxBytes) this.#keep(({ tag }) => !isFrame(tag));
    this.#phase = this.#hasVideo ? 'gap' : 'whole';
  }

  /** Drops and counts all messages that do not pass. Of headers and metadata only the last of each kind stays, and no sound before its header. */
  #keep(passes: (waiting: Waiting) => boolean): void {
    const before = this.#waiting.length - this.#head;
    const queued = this.#waiting.slice(this.#head);
    const last = new Map<RelayTag['kind'], number>();
    for (const [index, { tag }] of queued.entries()) if (!isFrame(tag)) last.set(tag.kind, index);
    this.#waiting = queued.filter((waiting, index) => {
      const isObsolete = waiting.tag.momentary !== true && index < (last.get(waiting.tag.kind) ?? 0);
      return !isObsolete && passes(waiting);
    });
    this.#head = 0;
    this.#dropped += before - this.#waiting.length;
    this.#bytes = this.#waiting.reduce((bytes, { tag }) => bytes + waitingBytes(tag), 0);
  }

  #restart(): void {
    for (const { tag } of this.#waiting.slice(this.#head)) if (isFrame(tag)) this.#dropped += 1;
    this.#forget();
  }

  #forget(): void {
    this.#waiting = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#phase = 'start';
  }
}

/** True for what belongs to its moment: a frame or a data message. False for metadata and sequence headers. */
function isFrame({ kind, sequenceHeader, momentary }: RelayTag): boolean {
  return momentary === true || (kind !== 'script' && !sequenceHeader);
}
