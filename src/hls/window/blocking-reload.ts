// Delivery directives: what they request, whether it is allowed, and how requests wait (RFC 8216bis 6.2.5.2). A mistake here causes a storm
// of reloads.

import type { Clock } from '../../protocols/clock.js';
import type { SluiceError } from '../../protocols/errors.js';
import type { Milliseconds, Seconds } from '../../protocols/units.js';
import { hlsError } from '../errors.js';
import { advancePartLimit } from '../timeline/part-timing.js';

/** `_HLS_msn` and `_HLS_part` as numbers. */
export interface Directive {
  readonly msn: number;
  readonly part: number | undefined;
}

/** The end of a playlist. */
export interface PlaylistPosition {
  /** Media sequence number of the last complete segment; one less than the first if there is none. */
  readonly lastMediaSequence: number;
  /** Number of parts of the segment after it. */
  readonly openParts: number;
  /** Number of parts of a complete segment; undefined if it has left the window. */
  partsOf(msn: number): number | undefined;
}

/**
 * @returns undefined if there is no directive; the error for a 400 answer if it is malformed (RFC 8216bis 6.2.5.2)
 */
export function parseDirective(msn: string | undefined, part: string | undefined): Directive | SluiceError | undefined {
  if (msn === undefined) {
    if (part === undefined) return undefined;
    return hlsError('hls.directive', 'got _HLS_part without _HLS_msn');
  }
  const msnValue = decimalInteger(msn);
  if (msnValue === undefined) return malformed('_HLS_msn', msn);
  if (part === undefined) return { msn: msnValue, part: undefined };
  const partValue = decimalInteger(part);
  if (partValue === undefined) return malformed('_HLS_part', part);
  return { msn: msnValue, part: partValue };
}

function decimalInteger(text: string): number | undefined {
  if (!/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

function malformed(name: string, value: string): SluiceError {
  return hlsError('hls.directive', `got ${name}=${JSON.stringify(value.slice(0, 32))}, expected a decimal integer`);
}

/** Whether the playlist already contains what is requested. */
export function isSatisfied(directive: Directive, position: PlaylistPosition): boolean {
  const open = position.lastMediaSequence + 1;
  if (directive.msn > open) return false;
  if (directive.msn === open) return directive.part !== undefined && directive.part < position.openParts;
  if (directive.part === undefined) return true;
  const parts = position.partsOf(directive.msn);
  // One more than the last part of a complete segment means the first part of the next.
  if (parts === undefined || directive.part < parts) return true;
  return directive.msn < position.lastMediaSequence || position.openParts > 0;
}

/**
 * Whether the playlist at this position is the first one that contains what is requested, so that its text may be cached under the address
 * of the request. Later versions contain more, and more with every part.
 */
export function isFirstAnswer({ msn, part }: Directive, position: PlaylistPosition): boolean {
  const { lastMediaSequence, openParts } = position;
  if (part === undefined) return msn === lastMediaSequence && openParts === 0;
  if (msn === lastMediaSequence + 1) return part === openParts - 1;
  if (msn !== lastMediaSequence) return false;
  const parts = position.partsOf(msn);
  if (parts === undefined) return false;
  // One more than the last part means the first part of the next segment.
  return part < parts ? part === parts - 1 && openParts === 0 : openParts === 1;
}

/** @returns the error for a 400 answer if no playlist that we sent can have led the client to request this position (RFC 8216bis 6.2.5.2) */
export function checkAdvance(
  directive: Directive,
  position: PlaylistPosition,
  partTarget: Seconds,
): SluiceError | undefined {
  const open = position.lastMediaSequence + 1;
  if (directive.msn > open + 1) {
    return hlsError('hls.directive-too-far', `got _HLS_msn=${directive.msn}, expected at most ${open + 1}`);
  }
  if (directive.part === undefined || directive.msn < open) return undefined;
  const limit = advancePartLimit(partTarget);
  const lastPart = directive.msn === open ? position.openParts - 1 : -1;
  if (directive.part > lastPart + limit) {
    return hlsError('hls.directive-too-far', `got _HLS_part=${directive.part}, expected at most ${lastPart + limit}`);
  }
  return undefined;
}

export type WaitOutcome = 'ready' | 'timeout' | 'abandoned' | 'refused';

/** Maximum number of requests held open for one rendition, or until a stream becomes playable. */
const WAITERS_LIMIT = 20_000;

interface Group {
  readonly isMet: () => boolean;
  readonly resolvers: Set<(outcome: WaitOutcome) => void>;
}

/**
 * Coalesces requests: those that wait for the same condition form one group, and the condition is checked once per change, however many
 * wait. HTTP has its own limit, in bytes and by address: `WaitingRoom`.
 */
export class Waiters {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #groups = new Map<string, Group>();
  #size = 0;

  constructor(clock: Clock, limit = WAITERS_LIMIT) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * @param key identifies the condition: the same key means the same condition
   * @param isMet the condition
   * @returns never rejects; the wait ends at once when the signal aborts or the limit passes
   */
  wait(key: string, isMet: () => boolean, limit: Milliseconds, signal?: AbortSignal): Promise<WaitOutcome> {
    if (isMet()) return Promise.resolve('ready');
    if (signal?.aborted === true) return Promise.resolve('abandoned');
    if (this.#size >= this.#limit) return Promise.resolve('refused');
    return new Promise((resolve) => {
      let group = this.#groups.get(key);
      if (group === undefined) {
        group = { isMet, resolvers: new Set() };
        this.#groups.set(key, group);
      }
      const { resolvers } = group;
      const settle = (outcome: WaitOutcome): void => {
        resolvers.delete(settle);
        if (resolvers.size === 0 && this.#groups.get(key)?.resolvers === resolvers) this.#groups.delete(key);
        this.#size -= 1;
        cancelTimer();
        signal?.removeEventListener('abort', abandon);
        resolve(outcome);
      };
      const abandon = (): void => settle('abandoned');
      const cancelTimer = this.#clock.after(limit, () => settle('timeout'));
      signal?.addEventListener('abort', abandon, { once: true });
      resolvers.add(settle);
      this.#size += 1;
    });
  }

  /**
   * Call after a change: requests whose condition is met continue, in the order in which they came. For the media of a rendition,
   * `Announcements.publish` calls it through `Rendition.publish`, once per batch.
   */
  wake(): void {
    for (const group of [...this.#groups.values()]) {
      if (!group.isMet()) continue;
      for (const settle of [...group.resolvers]) settle('ready');
    }
  }
}
