// A name belongs to one publisher at a time: this is where it is claimed, found, and given back.
import type { SluiceError } from '../protocols/errors.js';
import { callAll } from '../protocols/failure-domain.js';
import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';
import { liveError } from './errors.js';
import type { LiveStreamLimits } from './limits.js';
import { LiveStream, type LiveStreamOptions } from './stream.js';

/** Far above what one machine transcodes; a bound against a flood of names. */
const MAX_STREAMS = 1_000;

/** An encoder that lost its network comes back within seconds, while its old connection still looks open. */
const TAKEOVER_AFTER: Milliseconds = 3_000;

/** `reject` the newcomer, or `override` the holder. */
export type PublishConflict = 'reject' | 'override';

export interface StreamRegistryOptions {
  readonly maxStreams?: number;
  /** Bound of each stream's GOP cache in bytes. */
  readonly gopCacheBytes?: number;
  /** Bounds of each stream. */
  readonly limits?: Partial<LiveStreamLimits>;
  /** Of each stream, see `LiveStreamOptions`. */
  readonly trackTimeout?: Milliseconds;
  /** What becomes of a publisher whose name another one claims while it is sending. Default `reject`: of the newcomer. */
  readonly conflict?: PublishConflict;
  /** A holder that sent nothing for so long loses its name to a newcomer, whatever `conflict` says. Default 3000. */
  readonly takeoverAfter?: Milliseconds;
  /** Wall clock, for `startedAt`. */
  readonly now?: () => EpochMilliseconds;
  /** Monotonic clock, for silence and limits per minute. */
  readonly monotonic?: () => Milliseconds;
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
  readonly #conflict: PublishConflict;
  readonly #takeoverAfter: Milliseconds;
  readonly #now: () => EpochMilliseconds;
  readonly #monotonic: () => Milliseconds;
  readonly #streamOptions: Pick<LiveStreamOptions, 'gopCacheBytes' | 'limits' | 'trackTimeout'>;

  constructor(options: StreamRegistryOptions = {}) {
    this.#maxStreams = options.maxStreams ?? MAX_STREAMS;
    this.#conflict = options.conflict ?? 'reject';
    this.#takeoverAfter = options.takeoverAfter ?? TAKEOVER_AFTER;
    this.#monotonic = options.monotonic ?? (() => performance.now());
    const { gopCacheBytes, limits, trackTimeout } = options;
    this.#streamOptions = {
      ...(gopCacheBytes !== undefined && { gopCacheBytes }),
      ...(limits !== undefined && { limits }),
      ...(trackTimeout !== undefined && { trackTimeout }),
    };
    this.#now = options.now ?? Date.now;
  }

  get size(): number {
    return this.#streams.size;
  }

  /**
   * A new stream under this name, until its `end()`. Names are compared byte by byte, as case-sensitive as URLs.
   *
   * A holder of the name that is silent, or any with the policy `override`, is kicked with `live.taken-over`, and its stream
   * has ended when this returns. Of two newcomers one gets the name and the other is refused, or under `override` replaces it.
   * @throws live.name-taken, live.stream-limit
   */
  claim(app: string, name: string, options: ClaimOptions = {}): LiveStream {
    const key = keyOf(app, name);
    this.#takeOver(this.#streams.get(key));
    // Whoever heard of the end of the old stream may have claimed the name already: that one is as new as this one.
    if (this.#streams.has(key)) throw liveError('live.name-taken', `${app}/${name} is already being published`);
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
      monotonic: this.#monotonic,
      ...this.#streamOptions,
    });
    this.#streams.set(key, stream);
    // First listener of the stream: whoever hears of its end can claim the name at once.
    stream.on({
      onEnd: (reason) => {
        this.#streams.delete(key);
        callAll([...this.#listeners], (listener) => listener.onEnd?.(stream, reason));
      },
    });
    try {
      callAll([...this.#listeners], (listener) => listener.onStart?.(stream));
    } catch (error) {
      // Nobody would ever end what was not handed out.
      stream.end();
      throw error;
    }
    return stream;
  }

  #takeOver(holder: LiveStream | undefined): void {
    if (holder === undefined) return;
    const silence = this.#monotonic() - holder.lastActivity;
    if (this.#conflict === 'reject' && silence < this.#takeoverAfter) return;
    const why = silence < this.#takeoverAfter ? '' : `, this one sent nothing for ${Math.round(silence)} ms`;
    holder.kick(liveError('live.taken-over', `another publisher took over ${holder.app}/${holder.name}${why}`));
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
