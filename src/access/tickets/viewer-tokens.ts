// Checks play tokens and tickets. A token is checked at an entry (playlist, MPD, thumbnail, RTMP play) and exchanged for a ticket, which every later
// request carries in its path. All decisions are made in memory.

import type { EndedSession, StreamName } from '../../contracts/access.js';
import type { SluiceError } from '../../protocols/errors.js';
import { RecentValues } from '../../protocols/recent-values.js';
import type { EpochMilliseconds, Seconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';
import { coversStream, readPlayToken, sessionOf } from './play-token.js';
import type { SigningKeys } from './signing-keys.js';
import { createTicket, MAX_TICKET_LENGTH, type Ticket, ticketInTime, verifyTicket } from './ticket.js';

export interface ViewerTokensOptions {
  readonly keys: SigningKeys;
  readonly wallClock: () => EpochMilliseconds;
  /** How far the clocks of token issuers may differ from ours. */
  readonly clockSkew: Seconds;
  /** Sessions that were revoked before their end. */
  readonly revoked: { has(sid: string): boolean; list(): readonly EndedSession[] };
}

export type ExchangedToken =
  /** `isForApp`: for every stream of the application. */
  | { readonly ok: true; readonly session: Ticket; readonly isForApp: boolean }
  | { readonly ok: false; readonly error: SluiceError };

export type CheckedTicket =
  | { readonly ok: true; readonly session: Ticket }
  | { readonly ok: false; readonly error: SluiceError };

/** For tokens with `start_by` only. About 1 MB. */
const REMEMBERED_SESSIONS = { entries: 10_000, keyLength: 32 };

/** Only tickets whose MAC was right are kept, so nobody can fill this with forged ones. About 5 MB. */
const REMEMBERED_TICKETS = { entries: 10_000, keyLength: MAX_TICKET_LENGTH };

/** One text for a token that is forged, for another stream, or revoked, so that nobody learns which. */
const DENIED = 'this link does not allow watching the stream';

export class ViewerTokens {
  readonly #options: ViewerTokensOptions;
  /** Sessions that began in time. A player that reloads an MPD or a playlist sends its token again, even after `start_by`. */
  readonly #begun = new RecentValues<true>(REMEMBERED_SESSIONS);

  /** A viewer asks several times a second, and computing the MAC would cost most of what its ticket costs. */
  readonly #genuine = new RecentValues<StreamName & { readonly ticket: Ticket }>(REMEMBERED_TICKETS);

  constructor(options: ViewerTokensOptions) {
    this.#options = options;
  }

  exchangeToken({ app, name }: StreamName, token: string): ExchangedToken {
    const { keys, wallClock, clockSkew, revoked } = this.#options;
    const read = readPlayToken(token, keys, wallClock(), clockSkew);
    if (!read.ok && read.fault === 'expired') return refusal(expiredError('the time of this link is over'));
    if (!read.ok) return refusal(deniedError());
    const { claims } = read;
    // Copied, because a slice would keep the whole token in memory.
    const sid = Buffer.from(sessionOf(claims, token)).toString();
    if (!coversStream(claims, app, name) || revoked.has(sid)) return refusal(deniedError());
    if (!read.mayStart && this.#begun.get(sid) === undefined) {
      return refusal(expiredError('it is too late to start watching with this link'));
    }
    if (claims.start_by !== undefined) this.#begun.keep(sid, true);
    const { until, max_height: maxHeight } = claims;
    return { ok: true, session: { sid, until, maxHeight }, isForApp: claims.stream.endsWith('/*') };
  }

  /** The path segment that identifies the session from now on. */
  issueTicket(session: Ticket, { app, name }: StreamName, isForApp: boolean): string {
    return createTicket(session, { app, name: isForApp ? undefined : name }, this.#options.keys);
  }

  checkTicket(stream: StreamName, text: string): CheckedTicket {
    const { wallClock, clockSkew, revoked } = this.#options;
    const known = this.#genuine.get(text);
    const isKnown = known?.app === stream.app && known.name === stream.name;
    const result = isKnown
      ? ticketInTime(known.ticket, wallClock(), clockSkew)
      : verifyTicket(text, stream, this.#options.keys, wallClock(), clockSkew);
    if (!result.ok && result.fault === 'expired') return refusal(expiredError('the time of this link is over'));
    if (!result.ok || revoked.has(result.ticket.sid)) return refusal(deniedError());
    // Copied, because a slice would keep the whole request target in memory.
    if (!isKnown) this.#genuine.keep(Buffer.from(text).toString(), { ...stream, ticket: result.ticket });
    return { ok: true, session: result.ticket };
  }

  get revokedSessions(): readonly EndedSession[] {
    return this.#options.revoked.list();
  }

  /** Returns an error if the session has been revoked or has expired. */
  checkSession({ sid, until }: Ticket): SluiceError | undefined {
    const { wallClock, clockSkew, revoked } = this.#options;
    if (revoked.has(sid)) return deniedError();
    return wallClock() / 1000 > until + clockSkew ? expiredError('the time of this link is over') : undefined;
  }
}

export function deniedError(cause?: SluiceError): SluiceError {
  return accessError('access.play-denied', DENIED, cause && { cause });
}

export function requiredError(): SluiceError {
  return accessError('access.play-required', 'this stream needs a token');
}

function expiredError(message: string): SluiceError {
  return accessError('access.play-expired', message);
}

function refusal(error: SluiceError): { readonly ok: false; readonly error: SluiceError } {
  return { ok: false, error };
}
