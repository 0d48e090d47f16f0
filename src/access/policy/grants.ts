// The grants in force. If a grant ends early, its holder is notified; when it has ended, the code that gave it is notified once.

import { randomBytes } from 'node:crypto';
import type { Grant, GrantHolder, GrantUse, Permit } from '../../contracts/grant.js';
import type { Clock } from '../../protocols/clock.js';
import type { SluiceError } from '../../protocols/errors.js';
import type { EpochMilliseconds, Milliseconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';
import type { Proven, Question } from './question.js';

/** A grant must end within a second after it expires. */
const LOOK_INTERVAL: Milliseconds = 500;
const ID_BYTES = 9;

interface Running {
  readonly grant: Grant;
  readonly end: (reason: SluiceError) => void;
  /** When to end it. Undefined for viewers with a session, whose server checks the session, which may be accepted a little longer. */
  readonly endsAt: EpochMilliseconds | undefined;
}

/** 72 random bits. */
export function newGrantId(): string {
  return randomBytes(ID_BYTES).toString('base64url');
}

export class Grants {
  /** In the order of their start. The number of connections limits their number. */
  readonly #running = new Map<string, Running>();
  readonly #clock: Clock;
  #cancelLook: (() => void) | undefined;

  /** @param clock timers run in the failure domain of this clock */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  issue(id: string, question: Question, proven: Proven): Permit {
    const { action, protocol, app, remoteAddress } = question;
    const { holder, until: endsAt, session, options = {}, name = question.name, onClosed } = proven;
    const since = this.#clock.wallClock();
    const grant: Grant = {
      ...{ id, action, protocol, app, name, holder, remoteAddress, since, options },
      ...(session === undefined ? { until: endsAt } : { until: session.until * 1000, session: session.sid }),
    };
    let isClosed = false;
    return {
      grant,
      begin: (end) => {
        if (isClosed) return;
        this.#running.set(id, { grant, end, endsAt });
        if (endsAt !== undefined) this.#look();
      },
      close: (use: GrantUse = {}) => {
        if (isClosed) return;
        isClosed = true;
        this.#running.delete(id);
        onClosed?.(id, use);
      },
    };
  }

  list(): readonly Grant[] {
    return Array.from(this.#running.values(), ({ grant }) => grant);
  }

  get(id: string): Grant | undefined {
    return this.#running.get(id)?.grant;
  }

  /** @returns false if there is no such grant */
  end(id: string, reason: SluiceError): boolean {
    const running = this.#running.get(id);
    if (running === undefined) return false;
    // The holder closes its permit, perhaps later. A second call of `end` must not reach it.
    this.#running.delete(id);
    running.end(reason);
    return true;
  }

  /** Ends all grants for which `isOver` returns a reason. */
  endWhere(isOver: (grant: Grant) => SluiceError | undefined): void {
    for (const { grant } of [...this.#running.values()]) {
      const reason = isOver(grant);
      if (reason !== undefined) this.end(grant.id, reason);
    }
  }

  close(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }

  /** Compares with the wall clock at intervals instead of using one long timer, because that clock may jump. */
  #look(): void {
    if (this.#cancelLook !== undefined) return;
    this.#cancelLook = this.#clock.after(LOOK_INTERVAL, () => {
      this.#cancelLook = undefined;
      const now = this.#clock.wallClock();
      try {
        for (const { grant, endsAt } of [...this.#running.values()]) {
          if (endsAt !== undefined && endsAt <= now)
            this.end(grant.id, accessError('access.expired', 'this permission has expired'));
        }
      } finally {
        // If ending one holder throws, the others must still be ended.
        if ([...this.#running.values()].some(({ endsAt }) => endsAt !== undefined)) this.#look();
      }
    });
  }
}

export function sameHolder(a: GrantHolder, b: GrantHolder): boolean {
  return a.proof === b.proof && a.id === b.id;
}

/** The holder of a viewer session, whatever kind of token proved it. */
export function sessionHolder(sid: string): GrantHolder {
  return { proof: 'token', id: sid };
}
