// Sessions of viewers over HTTP, where each request is independent: a session lasts as long as playlists are requested. The number of
// sessions is bounded: beyond it, the session with the oldest last request is dropped; its next request starts it again.

import type { Grant, GrantHolder, GrantOptions, GrantProtocol, GrantUse } from '../../contracts/grant.js';
import type { Clock } from '../../protocols/clock.js';
import type { EpochMilliseconds, Milliseconds } from '../../protocols/units.js';
import { newGrantId } from './grants.js';

/** About 50 MB if each has the longest names and two viewers. */
const MAX_SESSIONS = 100_000;
/** A session without a request for this long has ended. Players that pause longer start a new one. */
const IDLE: Milliseconds = 30_000;
/** A session with another request within this time keeps its place in the order. */
const RENEW_AFTER: Milliseconds = 1_000;

export interface SessionStart {
  /** Identifies the session in tickets. */
  readonly sid: string;
  readonly app: string;
  readonly name: string;
  readonly protocol: GrantProtocol;
  readonly remoteAddress: string | undefined;
  readonly holder: GrantHolder;
  readonly until: EpochMilliseconds;
  readonly options?: GrantOptions | undefined;
  readonly grantId?: string | undefined;
  readonly onClosed?: ((grantId: string, use: GrantUse) => void) | undefined;
}

interface Session {
  readonly key: string;
  readonly sid: string;
  grant: Grant;
  readonly onClosed: SessionStart['onClosed'];
  seen: Milliseconds;
}

export class Sessions {
  readonly #clock: Clock;
  readonly #limit: number;
  /** By stream and session, in the order of their last requests. */
  readonly #sessions = new Map<string, Session>();
  readonly #byStream = new Map<string, Set<Session>>();
  #cancelLook: (() => void) | undefined;

  /** @param clock timers run in the failure domain of this clock */
  constructor(clock: Clock, limit = MAX_SESSIONS) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get size(): number {
    return this.#sessions.size;
  }

  has(sid: string, app: string, name: string): boolean {
    return this.#sessions.has(keyOf(sid, app, name));
  }

  /**
   * Call for each request of a session.
   * @param start called if the session is new
   * @param until when the token of this request ends: several tokens may have one session, which ends with the last of them
   */
  saw(sid: string, app: string, name: string, start: () => SessionStart, until: EpochMilliseconds = 0): Grant {
    const now = this.#clock.now();
    const key = keyOf(sid, app, name);
    const known = this.#sessions.get(key);
    if (known !== undefined) {
      if (now - known.seen >= RENEW_AFTER) {
        known.seen = now;
        this.#sessions.delete(key);
        this.#sessions.set(key, known);
      }
      if (until > (known.grant.until ?? Number.POSITIVE_INFINITY)) known.grant = { ...known.grant, until };
      return known.grant;
    }
    const begun = this.#begin(start(), now);
    if (this.#sessions.size > this.#limit) this.#closeFirst();
    this.#look();
    return begun;
  }

  /** Number of sessions of a stream with a request within the last `period`, of those that `counts` selects. */
  count(app: string, name: string, period: Milliseconds, counts: (grant: Grant) => boolean = () => true): number {
    const now = this.#clock.now();
    let count = 0;
    for (const { seen, grant } of this.#byStream.get(`${app} ${name}`) ?? []) {
      if (now - seen <= period && counts(grant)) count += 1;
    }
    return count;
  }

  list(): readonly Grant[] {
    return Array.from(this.#sessions.values(), ({ grant }) => grant);
  }

  /** The session of this grant. */
  find(grantId: string): { readonly sid: string; readonly grant: Grant } | undefined {
    for (const session of this.#sessions.values()) if (session.grant.id === grantId) return session;
    return undefined;
  }

  /** Ends the sessions with this id, on all streams. */
  end(sid: string, use: GrantUse): void {
    for (const session of [...this.#sessions.values()]) if (session.sid === sid) this.#close(session, use);
  }

  close(): void {
    this.#cancelLook?.();
    for (const session of [...this.#sessions.values()]) this.#close(session, {});
  }

  #begin(start: SessionStart, now: Milliseconds): Grant {
    const { sid, app, name, protocol, remoteAddress, holder, until, options = {}, onClosed } = start;
    const id = start.grantId ?? newGrantId();
    const since = this.#clock.wallClock();
    const grant: Grant = {
      ...{ id, action: 'play', protocol, app, name, holder, remoteAddress, since, until, options },
      session: sid,
    } as const;
    const key = keyOf(sid, app, name);
    const session: Session = { key, sid, grant, onClosed, seen: now };
    this.#sessions.set(key, session);
    const stream = `${app} ${name}`;
    this.#byStream.set(stream, (this.#byStream.get(stream) ?? new Set()).add(session));
    return grant;
  }

  #close(session: Session, use: GrantUse): void {
    if (!this.#sessions.delete(session.key)) return;
    const stream = `${session.grant.app} ${session.grant.name}`;
    const ofStream = this.#byStream.get(stream);
    ofStream?.delete(session);
    if (ofStream?.size === 0) this.#byStream.delete(stream);
    session.onClosed?.(session.grant.id, use);
  }

  #closeFirst(): void {
    for (const session of this.#sessions.values()) {
      this.#close(session, {});
      return;
    }
  }

  #look(): void {
    this.#cancelLook ??= this.#clock.after(IDLE / 2, () => {
      this.#cancelLook = undefined;
      const now = this.#clock.now();
      try {
        for (const session of [...this.#sessions.values()]) {
          if (now - session.seen < IDLE) break;
          this.#close(session, {});
        }
      } finally {
        if (this.#sessions.size > 0) this.#look();
      }
    });
  }
}

/** None of the three can contain a space. */
function keyOf(sid: string, app: string, name: string): string {
  return `${sid} ${app} ${name}`;
}
