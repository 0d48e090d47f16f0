// Sends a stream to one player as fast as its socket allows; neither the publisher nor another player ever waits for it.

import type { PlayRequest } from '../../contracts/access.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';
import type { RtmpCounters } from './counters.js';
import type { PlayAdmission, PlayItem, PlaySource } from './playing.js';

/** Where the messages are sent. */
export interface PlaybackSink {
  /** Queues one message for the socket; the body is not copied. */
  send(kind: PlayItem['kind'], timestamp: Milliseconds, body: Buffer): void;
  /** True while the socket is full; `resume` is called when it has room again. */
  isFull(): boolean;
  /** Called when everything that the stream had has been sent. */
  ended(): void;
}

export interface PlaybackOptions {
  readonly request: PlayRequest;
  readonly admission: PlayAdmission;
  /** Limit of the media queued for this player, in bytes. */
  readonly maxBytes: number;
  readonly counters: RtmpCounters;
  /** Failure domain of the player's connection. */
  readonly domain: FailureDomain;
  readonly sink: PlaybackSink;
}

export class Playback {
  readonly request: PlayRequest;
  readonly #options: PlaybackOptions;
  #source: PlaySource | undefined;
  #scheduled = false;
  #stopped = false;
  /** Stream time at the player's time 0; set by the first frame, and again by the first frame after a pause. */
  #origin: Milliseconds | undefined;
  #last: Milliseconds = 0;
  /** The frame that sets the origin gets at least this player time. */
  #resumeAt: Milliseconds = 0;

  constructor(options: PlaybackOptions) {
    this.request = options.request;
    this.#options = options;
  }

  /** @returns false if the stream is not live. Sends nothing during the call. */
  open(): boolean {
    const { admission, request, maxBytes, domain } = this.#options;
    this.#source = admission.open(request, {
      maxBytes,
      onReadable: domain.guard('rtmp player reads', () => this.#schedule()),
      onEnd: domain.guard('rtmp player hears the end', () => this.#schedule()),
    });
    return this.#source !== undefined;
  }

  /** Call when the socket can take data again. */
  resume(): void {
    if (!this.#stopped) this.#pump();
  }

  /** A paused player costs nothing: it leaves the stream, and later returns at the last key frame with a continuous clock. */
  pause(paused: boolean): void {
    if (this.#stopped) return;
    if (paused) {
      this.#leave();
    } else if (this.#source === undefined) {
      this.#origin = undefined;
      this.#resumeAt = this.#last + 1;
      if (!this.open()) this.#end();
    }
  }

  /** Leaves the stream for good, but keeps the connection open, because the player may play another stream. Later calls do nothing. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#leave();
  }

  #leave(): void {
    const source = this.#source;
    if (source === undefined) return;
    this.#source = undefined;
    this.#options.counters.viewerDroppedTags += source.droppedTags;
    source.close();
  }

  /** Sends after the publisher's turn, so that everything from one turn goes out in one write. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const pump = this.#options.domain.guard('rtmp player is sent to', () => {
      this.#scheduled = false;
      if (!this.#stopped) this.#pump();
    });
    setImmediate(pump);
  }

  #pump(): void {
    const { sink } = this.#options;
    const source = this.#source;
    if (source === undefined) return;
    while (!sink.isFull()) {
      const item = source.take();
      if (item === undefined) {
        if (source.ended) this.#end();
        return;
      }
      sink.send(item.kind, this.#timestamp(item), item.body);
    }
  }

  #end(): void {
    this.stop();
    this.#options.sink.ended();
  }

  /** A player's timestamps start at 0. Headers and metadata get the current time, because their own may be far in the past. */
  #timestamp({ kind, dts, sequenceHeader, momentary }: PlayItem): Milliseconds {
    if (momentary === true && this.#origin !== undefined)
      return Math.max(this.#resumeAt, Math.round(dts - this.#origin));
    if (kind === 'script' || sequenceHeader) return this.#last;
    this.#origin ??= dts - this.#resumeAt;
    const timestamp = Math.max(this.#resumeAt, Math.round(dts - this.#origin));
    this.#last = Math.max(this.#last, timestamp);
    return timestamp;
  }
}
