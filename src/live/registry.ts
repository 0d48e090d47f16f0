// A name belongs to one publisher at a time: this is where it is claimed, found, and given back.
import type { SluiceError } from '../protocols/errors.js';
import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';
import { liveError } from './errors.js';
import { LiveStream } from './stream.js';

/** Far above what one machine transcodes; a bound against a flood of names. */
export const MAX_STREAMS = 1_000;

export interface StreamRegistryOptions {
  readonly maxStreams?: number;
  /** Bound of each stream's GOP cache in bytes. */
  readonly gopCacheBytes?: number;
  /** Wall clock, for `startedAt`. */
  readonly now?: () => EpochMilliseconds;
}

export interface ClaimOptions {
  /** Stream time of the first media frame, see `LiveStreamOptions`. */
  readonly timelineOrigin?: Milliseconds;
}

export interface RegistryListener {
  readonly onStart?: (stream: LiveStream) => void;
  /** The name is free again when this is called. */
  readonly onEnd?: (stream: LiveStream, reason: SluiceError | undefined) => void;
}

export class StreamRegistry {
  readonly #streams = new Map<string, LiveStream>();
  readonly #listeners = new Set<RegistryListener>();
  readonly #maxStreams: number;
  readonly #gopCacheBytes: number | undefined;
  readonly #now: () => EpochMilliseconds;

  constructor(options: StreamRegistryOptions = {}) {
    this.#maxStreams = options.maxStreams ?? MAX_STREAMS;
    this.#gopCacheBytes = options.gopCacheBytes;
    this.#now = options.now ?? Date.now;
  }

  get size(): number {
    return this.#streams.size;
  }

  /**
   * A new stream under this name, until its `end()`. Names are compared byte by byte, as case-sensitive as URLs.
   * @throws live.name-taken, live.stream-limit
   */
  claim(app: string, name: string, options: ClaimOptions = {}): LiveStream {
    const key = keyOf(app, name);
    if (this.#streams.has(key)) {
      throw liveError('live.name-taken', `${app}/${name} is already being published`);
    }
    if (this.#streams.size >= this.#maxStreams) {
      throw liveError(
        'live.stream-limit',
        `got stream number ${this.#streams.size + 1}, the limit is ${this.#maxStreams}`,
      );
    }
    const stream = new LiveStream({
      app,
      name,
      startedAt: this.#now(),
      ...options,
      ...(this.#gopCacheBytes === undefined ? {} : { gopCacheBytes: this.#gopCacheBytes }),
    });
    this.#streams.set(key, stream);
    // First listener of the stream: whoever hears of its end can claim the name at once.
    stream.on({
      onEnd: (reason) => {
        this.#streams.delete(key);
        for (const listener of [...this.#listeners]) listener.onEnd?.(stream, reason);
      },
    });
    for (const listener of [...this.#listeners]) listener.onStart?.(stream);
    return stream;
  }

  get(app: string, name: string): LiveStream | undefined {
    return this.#streams.get(keyOf(app, name));
  }

  /** In the order they were claimed. */
  list(): LiveStream[] {
    return [...this.#streams.values()];
  }

  /** @returns a function that removes the listener */
  on(listener: RegistryListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/** Neither part can hold a line feed, so no two pairs share a key. */
function keyOf(app: string, name: string): string {
  return `${app}\n${name}`;
}
