// Who is behind each name: a publisher that has just come, the presentation that is live, those before it, and what a killed process left.

import type { Clock } from '../../protocols/clock.js';
import type { Milliseconds } from '../../protocols/units.js';
import type { Presentation } from '../presentation.js';
import type { LeftStream } from '../store/left-stream.js';
import { Waiters } from '../window/blocking-reload.js';
import { lastTimes, noStream, notBack, notPlayable, type RefusedAnswer } from './origin-answer.js';

export interface NamedStreamsOptions {
  readonly clock: Clock;
  /** After a presentation was let go: `current` does not give it any more. */
  readonly onGone?: (() => void) | undefined;
}

interface Stream {
  /** A publisher was accepted and its presentation is not attached yet. */
  starting: boolean;
  /** What an earlier process left of it, until players want it no more. */
  left: LeftStream | undefined;
  /** The publisher of `left` may still come. */
  awaited: boolean;
  current: Presentation | undefined;
  /** Ended presentations whose playlists are gone or replaced by those of `current`; their media is still fetchable. */
  readonly earlier: Set<Presentation>;
  readonly waiters: Waiters;
}

/** Whom the media of a name may still be asked of. */
export interface MediaHolders {
  /** Of now, and ended ones, the oldest last. */
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

  /** Requests that wait right now. */
  get waiting(): number {
    let waiting = 0;
    for (const { waiters, current, earlier } of this.#streams.values()) {
      waiting += waiters.size + (current?.waiting ?? 0);
      for (const presentation of earlier) waiting += presentation.waiting;
    }
    return waiting;
  }

  /** A publisher was accepted: from now playlist requests for this name wait for its presentation. */
  starting(app: string, name: string): void {
    this.#stream(app, name).starting = true;
  }

  /** The publisher left before a presentation was attached: waiting requests are answered as if it had never come. */
  abandoned(app: string, name: string): void {
    const stream = this.#streams.get(`${app}/${name}`);
    if (stream === undefined) return;
    stream.starting = false;
    this.#dropIfEmpty(`${app}/${name}`, stream);
    stream.waiters.wake();
  }

  /**
   * An earlier process left this stream open: requests wait for its publisher as they do for one that has just come, so that
   * no player is told that the stream is gone. When nobody has come in `window` it ends, and goes when players have had their time.
   */
  awaitPublisher(left: LeftStream, window: Milliseconds): void {
    const { app, name } = left;
    const stream = this.#stream(app, name);
    stream.left = left;
    stream.awaited = true;
    this.#clock.after(window, () => {
      if (!stream.awaited) return;
      stream.awaited = false;
      this.#retire(stream, left);
      void left.end();
      stream.waiters.wake();
    });
  }

  /** It is replaced or over: what it listed may be wanted a while longer. */
  #retire(stream: Stream, left: LeftStream): void {
    const { unlist, remove } = lastTimes(left);
    this.#clock.after(unlist, () => void left.unlist());
    this.#clock.after(remove, () => {
      stream.left = undefined;
      this.#dropIfEmpty(`${left.app}/${left.name}`, stream);
      void left.dispose();
    });
  }

  /** From now playlists are those of this presentation, until its window has passed after its end or a later one replaces it. */
  attach(presentation: Presentation): void {
    const key = `${presentation.app}/${presentation.name}`;
    const stream = this.#stream(presentation.app, presentation.name);
    if (stream.current !== undefined) stream.earlier.add(stream.current);
    stream.current = presentation;
    stream.starting = false;
    if (stream.left !== undefined && stream.awaited) this.#retire(stream, stream.left);
    stream.awaited = false;
    stream.waiters.wake();
    this.#onGone?.();
    presentation.onEnd(() => {
      const { unlist, remove } = lastTimes(presentation);
      this.#clock.after(unlist, () => {
        if (stream.current === presentation) {
          stream.current = undefined;
          stream.earlier.add(presentation);
        }
        this.#onGone?.();
        void presentation.unlist();
      });
      this.#clock.after(remove, () => {
        stream.earlier.delete(presentation);
        this.#dropIfEmpty(key, stream);
        void presentation.dispose();
      });
    });
  }

  current(app: string, name: string): Presentation | undefined {
    return this.#streams.get(`${app}/${name}`)?.current;
  }

  /** The presentation to answer from, unless its publisher, or the one that is to replace it, has only just come. */
  here(app: string, name: string): Presentation | undefined {
    const stream = this.#streams.get(`${app}/${name}`);
    return stream === undefined || stream.starting || stream.awaited ? undefined : stream.current;
  }

  /** Undefined when nobody has had this name. */
  holders(app: string, name: string): MediaHolders | undefined {
    const stream = this.#streams.get(`${app}/${name}`);
    if (stream === undefined) return undefined;
    const { current, earlier, left } = stream;
    return { presentations: current === undefined ? [...earlier] : [current, ...earlier], current, left };
  }

  /** The presentation to answer from, waited for when its publisher has just come. */
  async started(
    app: string,
    name: string,
    deadline: Milliseconds,
    signal?: AbortSignal,
  ): Promise<Presentation | LeftStream | RefusedAnswer> {
    const stream = this.#streams.get(`${app}/${name}`);
    if (stream === undefined) return noStream();
    const isHere = () => !stream.starting && !stream.awaited;
    if (!isHere()) {
      const outcome = await stream.waiters.wait('attached', isHere, deadline - this.#clock.now(), signal);
      if (outcome === 'timeout' && stream.awaited) return notBack();
      if (outcome !== 'ready') return notPlayable(outcome);
    }
    return stream.current ?? stream.left ?? noStream();
  }

  #stream(app: string, name: string): Stream {
    const key = `${app}/${name}`;
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = {
        ...{ starting: false, left: undefined, awaited: false, current: undefined },
        ...{ earlier: new Set<Presentation>(), waiters: new Waiters(this.#clock) },
      };
      this.#streams.set(key, stream);
    }
    return stream;
  }

  #dropIfEmpty(key: string, stream: Stream): void {
    const { starting, current, earlier, left } = stream;
    const empty = !starting && current === undefined && earlier.size === 0 && left === undefined;
    if (empty && this.#streams.get(key) === stream) this.#streams.delete(key);
  }
}
