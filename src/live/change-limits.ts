// Limits how often a publisher may change its format or let its clock jump: each change costs every player a discontinuity.

import type { Milliseconds } from '../protocols/units.js';
import { liveError } from './errors.js';
import { type LiveStreamLimits, MinuteLimit } from './limits.js';
import type { LiveTagKind } from './tag.js';

export class ChangeLimits {
  readonly #limits: LiveStreamLimits;
  readonly #now: () => Milliseconds;
  readonly #jumps: MinuteLimit;
  readonly #parameters: MinuteLimit;
  #parameterChanges = 0;

  /** @param now monotonic clock */
  constructor(limits: LiveStreamLimits, now: () => Milliseconds) {
    this.#limits = limits;
    this.#now = now;
    this.#jumps = new MinuteLimit(limits.maxDiscontinuitiesPerMinute);
    this.#parameters = new MinuteLimit(limits.maxParameterChangesPerMinute);
  }

  /** Changes of format since the publish began. */
  get parameterChanges(): number {
    return this.#parameterChanges;
  }

  /** @throws {SluiceError} `live.parameter-changes` */
  noteParameters(kind: LiveTagKind): void {
    this.#parameterChanges += 1;
    if (!this.#parameters.exceeds(this.#now())) return;
    throw liveError(
      'live.parameter-changes',
      `${kind} changed its format, more than ${this.#limits.maxParameterChangesPerMinute} changes in a minute`,
    );
  }

  /** @throws {SluiceError} `live.timestamps` */
  noteJump(kind: LiveTagKind): void {
    if (!this.#jumps.exceeds(this.#now())) return;
    throw liveError(
      'live.timestamps',
      `${kind} timestamps jumped, more than ${this.#limits.maxDiscontinuitiesPerMinute} jumps in a minute`,
    );
  }
}
