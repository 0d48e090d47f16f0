// The live streams by name. A name belongs to one publisher at a time.
import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import { callAll } from '../protocols/failure-domain.js';
import type { Milliseconds } from '../protocols/units.js';
import { liveError } from './errors.js';
import type { LiveStreamLimits } from './limits.js';
import { LiveStream } from './stream.js';
import type { LiveStreamOptions } from './stream-options.js';

/** Far more than one machine can transcode; a bound against floods of names. */
const MAX_STREAMS = 1_000;

/** An encoder that lost its network reconnects within seconds, while its old connection still looks open. */
const TAKEOVER_AFTER: Milliseconds = 3_000;

/** `reject` the new publisher, or `override` the current one. */
export type PublishConflict = 'reject' | 'override';

type RegistryClock = Pick<Clock, 'now' | 'wallClock'>;

export interface StreamRegistryOptions {
  readonly maxStreams?: number;
  /** Limit of each stream's GOP cache, in bytes. */
  readonly gopCacheBytes?: number;
  /** Limits for each stream. */
  readonly limits?: Partial<LiveStreamLimits>;
  /** For each stream, see `LiveStreamOptions`. */
  readonly trackTimeout?: Milliseconds;
  /** Who loses if a second publisher claims the name of one that is sending. Default `reject`: the second publisher is refused. */
  readonly conflict?: PublishConflict;
  /** A publisher that has sent nothing for this long loses its name to a new one, whatever `conflict` says. Default 3000. */
  readonly takeoverAfter?: Milliseconds;
  /** The wall clock is used for `startedAt`, the monotonic clock for silence and per-minute limits. */
  readonly clock?: RegistryClock;
}

export interface ClaimOptions {
  /** Stream time of the first media frame, see `LiveStreamOptions`. */
  readonly timelineOrigin?: Milliseconds;
  /** Instead of that of the registry. */
  readonly conflict?: PublishConflict | undefined;
}

export interface RegistryListener {
  readonly onStart?: (stream: LiveStream) => void;
  /** Called when the stream has ended. The name is already free. */
  readonly onEnd?: (stream: LiveStream, reason: SluiceError | undefined) => void;
}

export class StreamRegistry {
  readonly #streams = new Map<string, LiveStream>();
  readonly #listeners = new Set<RegistryListener>();
  readonly #maxStreams: number;
  readonly #conflict: PublishConflict;
  readonly #takeoverAfter: Milliseconds;
  readonly #clock: RegistryClock;
  readonly #streamOptions: Pick<LiveStreamOptions, 'gopCacheBytes' | 'limits' | 'trackTimeout'>;

  constructor(options: StreamRegistryOptions = {}) {
    this.#maxStreams = options.maxStreams ?? MAX_STREAMS;
    this.#conflict = options.conflict ?? 'reject';
    this.#takeoverAfter = options.takeoverAfter ?? TAKEOVER_AFTER;
    this.#clock = options.clock ?? { now: () => performance.now(), wallClock: () => Date.now() };
    const { gopCacheBytes, limits, trackTimeout } = options;
    this.#streamOptions = {
      ...(gopCacheBytes !== undefined && { gopCacheBytes }),
      ...(limits !== undefined && { limits }),
      ...(trackTimeout !== undefined && { trackTimeout }),
    };
  }

  get size(): number {
    return this.#streams.size;
  }

  /**
   * Creates a stream under this name; it keeps the name until its `end()`. Names are compared byte by byte and are case-sensitive, like
   * URLs.
   *
   * If the current publisher of the name is silent, or the policy is `override`, it is kicked with `live.taken-over`, and its stream has
   * ended when this returns. If two publishers claim the name at once, the second is refused or, under `override`, replaces the first.
   * ¶ @throws live.name-taken, live.stream-limit
   */
  claim(app: string, name: string, { conflict = this.#conflict, ...options }: ClaimOptions = {}): LiveStream {
    const key = keyOf(app, name);
    this.#takeOver(this.#streams.get(key), conflict);
    // A listener for the end of the old stream may already have claimed the name. That claim is as new as this one.
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
      startedAt: this.#clock.wallClock(),
      ...options,
      clock: this.#clock,
      ...this.#streamOptions,
    });
    this.#streams.set(key, stream);
    // This must be the first listener of the stream, so that later listeners for its end can claim the name at once.
    stream.on({
      onEnd: (reason) => {
        this.#streams.delete(key);
        callAll([...this.#listeners], (listener) => listener.onEnd?.(stream, reason));
      },
    });
    try {
      callAll([...this.#listeners], (listener) => listener.onStart?.(stream));
    } catch (error) {
      // The caller never gets this stream, so the registry must end it.
      stream.end();
      throw error;
    }
    return stream;
  }

  #takeOver(holder: LiveStream | undefined, conflict: PublishConflict): void {
    if (holder === undefined) return;
    const silence = this.#clock.now() - holder.lastActivity;
    if (conflict === 'reject' && silence < this.#takeoverAfter) return;
    const why = silence < this.#takeoverAfter ? '' : `, this one sent nothing for ${Math.round(silence)} ms`;
    holder.kick(liveError('live.taken-over', `another publisher took over ${holder.app}/${holder.name}${why}`));
  }

  get(app: string, name: string): LiveStream | undefined {
    return this.#streams.get(keyOf(app, name));
  }

  /** In the order of the claims. */
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

/** Neither part can contain a line feed, so different pairs have different keys. */
function keyOf(app: string, name: string): string {
  return `${app}\n${name}`;
}
