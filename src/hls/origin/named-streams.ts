// Finds for each name: a publisher that has just come, the live presentation, earlier ones, and the stream that a killed process left
// behind.

import type { Clock } from '../../protocols/clock.js';
import type { Milliseconds } from '../../protocols/units.js';
import type { Presentation } from '../presentation.js';
import type { LeftStream } from '../store/left-stream.js';
import { Waiters } from '../window/blocking-reload.js';
import { expiryTimes, noStream, notPlayable, publisherAwaited, type RefusedAnswer } from './origin-answer.js';

export interface NamedStreamsOptions {
  readonly clock: Clock;
  /** Called after a presentation was removed, so that `current` no longer returns it. */
  readonly onGone?: (() => void) | undefined;
}

interface Stream {
  /** The newest accepted publisher that has no presentation yet. */
  starting: symbol | undefined;
  /** The stream that an earlier process left behind, as long as players may request it. */
  left: LeftStream | undefined;
  /** Whether the publisher of `left` may still come. */
  awaited: boolean;
  current: Presentation | undefined;
  /** Ended presentations whose playlists were removed or replaced by those of `current`. Their media can still be loaded. */
  readonly earlier: Set<Presentation>;
  /** Requests that wait for a publisher: one that was accepted and has no presentation yet, or one that `left` waits for. */
  readonly publisherWaiters: Waiters;
}

/** Where media of a name may still be found. */
export interface MediaHolders {
  /** The current presentation, then ended ones in the order in which they ended. */
  readonly presentations: readonly Presentation[];
  readonly current: Presentation | undefined;
  readonly left: LeftStream | undefined;
}

export class NamedStreams {
  readonly #clock: Clock;
  readonly #onGone: (() => void) | undefined;
  readonly #streams = new Map<string, Stream>();

  constructor({ clock, onGone }: NamedStreamsOptions) {
    this.#clock = clock;
    this.#onGone = onGone;
  }

  /** Number of waiting requests. */
  get waiting(): number {
    let waiting = 0;
    for (const { publisherWaiters, current, earlier } of this.#streams.values()) {
      waiting += publisherWaiters.size + (current?.waiting ?? 0);
      for (const presentation of earlier) waiting += presentation.waiting;
    }
    return waiting;
  }

  /**
   * A publisher was accepted: from now on playlist requests for this name wait for its presentation.
   * @returns a function to call if the publisher leaves before it has a presentation: waiting requests are then answered as if it had never
   * come
   */
  starting(app: string, name: string): () => void {
    const stream = this.#stream(app, name);
    const publisher = Symbol(name);
    stream.starting = publisher;
    return () => {
      // Another publisher may have come meanwhile.
      if (stream.starting !== publisher) return;
      stream.starting = undefined;
      this.#dropIfEmpty(`${app}/${name}`, stream);
      stream.publisherWaiters.wake();
    };
  }

  /**
   * Call for a stream that an earlier process left open: requests wait for its publisher as for one that has just come, so that no player
   * is told that the stream is gone. If no publisher comes within `window`, the stream ends, and is removed after the time that players
   * need.
   */
  awaitPublisher(left: LeftStream, window: Milliseconds): void {
    const { app, name } = left;
    const stream = this.#stream(app, name);
    stream.left = left;
    stream.awaited = true;
    left.domain.clock(this.#clock).after(window, () => {
      if (!stream.awaited) return;
      stream.awaited = false;
      this.#retire(stream, left);
      left.domain.run('end of a left stream', () => left.end());
      stream.publisherWaiters.wake();
    });
  }

  /** Its playlists were replaced or have ended, but the files that they listed may be requested for a while. */
  #retire(stream: Stream, left: LeftStream): void {
    const { unlist, remove } = expiryTimes(left);
    const clock = left.domain.clock(this.#clock);
    clock.after(unlist, () => left.domain.run('unlisting of a left stream', () => left.unlist()));
    clock.after(remove, () => {
      stream.left = undefined;
      this.#dropIfEmpty(`${left.app}/${left.name}`, stream);
      left.domain.run('removal of a left stream', () => left.dispose());
    });
  }

  /**
   * From now on requests for playlists are answered from this presentation, until some time after its end, or until a later one replaces
   * it.
   */
  attach(presentation: Presentation): void {
    const stream = this.#stream(presentation.app, presentation.name);
    if (stream.current !== undefined) stream.earlier.add(stream.current);
    stream.current = presentation;
    stream.starting = undefined;
    if (stream.left !== undefined && stream.awaited) this.#retire(stream, stream.left);
    stream.awaited = false;
    stream.publisherWaiters.wake();
    this.#onGone?.();
    presentation.onEnd(() => {
      const { domain } = presentation;
      const clock = domain.clock(this.#clock);
      const { unlist, remove } = expiryTimes(presentation);
      clock.after(unlist, () => {
        if (stream.current === presentation) {
          stream.current = undefined;
          stream.earlier.add(presentation);
        }
        this.#onGone?.();
        domain.run('unlisting', () => presentation.unlist());
      });
      clock.after(remove, () => {
        this.detach(presentation);
        domain.run('removal', () => presentation.dispose());
      });
    });
  }

  /** Removes it at once; later calls do nothing. */
  detach(presentation: Presentation): void {
    const key = `${presentation.app}/${presentation.name}`;
    const stream = this.#streams.get(key);
    if (stream === undefined) return;
    if (stream.current === presentation) stream.current = undefined;
    stream.earlier.delete(presentation);
    this.#dropIfEmpty(key, stream);
    this.#onGone?.();
  }

  current(app: string, name: string): Presentation | undefined {
    return this.#streams.get(`${app}/${name}`)?.current;
  }

  /** The presentation to answer from, without waiting; undefined if a publisher has just come and has no presentation yet. */
  here(app: string, name: string): Presentation | undefined {
    const stream = this.#streams.get(`${app}/${name}`);
    return stream === undefined || stream.starting !== undefined || stream.awaited ? undefined : stream.current;
  }

  /** Where media of this name may be; undefined if nobody has used this name. */
  holders(app: string, name: string): MediaHolders | undefined {
    const stream = this.#streams.get(`${app}/${name}`);
    if (stream === undefined) return undefined;
    const { current, earlier, left } = stream;
    return { presentations: current === undefined ? [...earlier] : [current, ...earlier], current, left };
  }

  /** The presentation to answer from; waits for it if its publisher has just come. */
  async started(
    app: string,
    name: string,
    deadline: Milliseconds,
    signal?: AbortSignal,
  ): Promise<Presentation | LeftStream | RefusedAnswer> {
    const stream = this.#streams.get(`${app}/${name}`);
    if (stream === undefined) return noStream();
    const isHere = () => stream.starting === undefined && !stream.awaited;
    if (!isHere()) {
      const outcome = await stream.publisherWaiters.wait('attached', isHere, deadline - this.#clock.now(), signal);
      if (outcome === 'timeout' && stream.awaited) return publisherAwaited();
      if (outcome !== 'ready') return notPlayable(outcome);
    }
    return stream.current ?? stream.left ?? noStream();
  }

  #stream(app: string, name: string): Stream {
    const key = `${app}/${name}`;
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = {
        ...{ starting: undefined, left: undefined, awaited: false, current: undefined },
        ...{ earlier: new Set<Presentation>(), publisherWaiters: new Waiters(this.#clock) },
      };
      this.#streams.set(key, stream);
    }
    return stream;
  }

  #dropIfEmpty(key: string, stream: Stream): void {
    const { starting, current, earlier, left } = stream;
    const empty = starting === undefined && current === undefined && earlier.size === 0 && left === undefined;
    if (empty && this.#streams.get(key) === stream) this.#streams.delete(key);
  }
}
