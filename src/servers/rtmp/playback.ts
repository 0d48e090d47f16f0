// One player and its stream: it is sent as much as its socket takes, and neither the publisher nor another player ever waits for it.

import type { PlayRequest } from '../../contracts/access.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';
import type { RtmpCounters } from './counters.js';
import type { PlayAdmission, PlayItem, PlaySource } from './playing.js';

/** Where the messages go. */
export interface PlaybackSink {
  /** Queues one message for the socket; the body is not copied. */
  send(kind: PlayItem['kind'], timestamp: Milliseconds, body: Buffer): void;
  /** True while the socket has enough to do; `resume` is called when it has room again. */
  isFull(): boolean;
  /** All that the stream had has been sent. */
  ended(): void;
}

export interface PlaybackOptions {
  readonly request: PlayRequest;
  readonly admission: PlayAdmission;
  /** Bound of the media waiting for this player. */
  readonly maxBytes: number;
  readonly counters: RtmpCounters;
  /** Of the player's connection. */
  readonly domain: FailureDomain;
  readonly sink: PlaybackSink;
}

export class Playback {
  readonly request: PlayRequest;
  readonly #options: PlaybackOptions;
  #source: PlaySource | undefined;
  #scheduled = false;
  #stopped = false;
  /** Stream time of the player's time 0; set by the first frame, and anew by the first one after a pause. */
  #origin: Milliseconds | undefined;
  #last: Milliseconds = 0;
  /** Earliest time of the frame that sets the origin. */
  #resumeAt: Milliseconds = 0;

  constructor(options: PlaybackOptions) {
    this.request = options.request;
    this.#options = options;
  }

  /** @returns false when the stream is not live. Nothing is sent from within this call. */
  open(): boolean {
    const { admission, request, maxBytes, domain } = this.#options;
    this.#source = admission.open(request, {
      maxBytes,
      onReadable: domain.guard('rtmp player reads', () => this.#schedule()),
      onEnd: domain.guard('rtmp player hears the end', () => this.#schedule()),
    });
    return this.#source !== undefined;
  }

  /** Call when the socket has room again. */
  resume(): void {
    if (!this.#stopped) this.#pump();
  }

  /** A paused player costs nothing: it leaves the stream, and comes back at the last key frame, its clock running on. */
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

  /** Leaves the stream for good; later calls do nothing. */
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

  /** The publisher's turn is not spent on players, and what comes in one turn goes out in one write. */
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

  /** A player's clock starts at 0; headers and metadata carry the time reached, their own may be long past. */
  #timestamp({ kind, dts, sequenceHeader }: PlayItem): Milliseconds {
    if (kind === 'script' || sequenceHeader) return this.#last;
    this.#origin ??= dts - this.#resumeAt;
    const timestamp = Math.max(this.#resumeAt, Math.round(dts - this.#origin));
    this.#last = Math.max(this.#last, timestamp);
    return timestamp;
  }
}
