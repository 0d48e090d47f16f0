// Decides who may watch: anybody with a play token. A token is accepted at an entry (playlist, MPD, thumbnail, RTMP play) and exchanged for
// a ticket, which is part of the path of every later request. All decisions are made in memory.

import type { AccessDecision, EntryDecision, PlayAccess, StreamName, ViewerAccess } from '../contracts/access.js';
import { RecentValues } from '../protocols/recent-values.js';
import type { EpochMilliseconds, Seconds } from '../protocols/units.js';
import { accessError } from './errors.js';
import { coversStream, readPlayToken, sessionOf } from './tickets/play-token.js';
import type { SigningKeys } from './tickets/signing-keys.js';
import { createTicket, verifyTicket } from './tickets/ticket.js';

export interface TokenViewerAccessOptions {
  readonly keys: SigningKeys;
  readonly wallClock: () => EpochMilliseconds;
  /** How far the clocks of token issuers may differ from ours. */
  readonly clockSkew: Seconds;
  /** Sessions that were revoked before their end. */
  readonly revoked: { has(sid: string): boolean };
}

/** For tokens with `start_by` only. About 1 MB. */
const REMEMBERED_SESSIONS = { entries: 10_000, keyLength: 32 };

/** One text for a token that is forged, for another stream, or revoked, so that nobody learns which. */
const DENIED = 'this link does not allow to watch the stream';

export class TokenViewerAccess implements ViewerAccess {
  readonly #options: TokenViewerAccessOptions;
  /** Sessions that began in time. A player that reloads an MPD or a playlist sends its token again, even after `start_by`. */
  readonly #begun = new RecentValues<true>(REMEMBERED_SESSIONS);

  constructor(options: TokenViewerAccessOptions) {
    this.#options = options;
  }

  exchangeToken({ app, name }: StreamName, token: string | undefined): EntryDecision {
    const { keys, wallClock, clockSkew, revoked } = this.#options;
    if (token === undefined || token === '') return refusal('access.play-required', 'this stream needs a token');
    const read = readPlayToken(token, keys, wallClock(), clockSkew);
    if (!read.ok && read.fault === 'expired') return refusal('access.play-expired', 'the time of this link is over');
    if (!read.ok) return refusal('access.play-denied', DENIED);
    const { claims } = read;
    const sid = sessionOf(claims, token);
    if (!coversStream(claims, app, name) || revoked.has(sid)) return refusal('access.play-denied', DENIED);
    if (!read.mayStart && this.#begun.get(sid) === undefined) {
      return refusal('access.play-expired', 'the time to begin with this link is over');
    }
    // Copied, because a slice would keep the whole token in memory.
    if (claims.start_by !== undefined) this.#begun.keep(Buffer.from(sid).toString(), true);
    const scope = { app, name: claims.stream.endsWith('/*') ? undefined : name };
    return { allowed: true, ticket: createTicket({ sid, until: claims.until }, scope, keys) };
  }

  checkTicket({ app, name }: StreamName, ticket: string): AccessDecision {
    const { keys, wallClock, clockSkew, revoked } = this.#options;
    const result = verifyTicket(ticket, { app, name }, keys, wallClock(), clockSkew);
    if (!result.ok && result.fault === 'expired')
      return refusal('access.play-expired', 'the time of this link is over');
    if (!result.ok || revoked.has(result.ticket.sid)) return refusal('access.play-denied', DENIED);
    return { allowed: true };
  }
}

function refusal(
  code: 'access.play-required' | 'access.play-denied' | 'access.play-expired',
  message: string,
): { readonly allowed: false; readonly error: ReturnType<typeof accessError> } {
  return { allowed: false, error: accessError(code, message) };
}

/** The same tokens for RTMP players: `NAME?token=…`. */
export function tokenPlayAccess(access: ViewerAccess): PlayAccess {
  return {
    check: async ({ app, name, query }) => {
      const decision = access.exchangeToken({ app, name }, query.get('token') ?? undefined);
      if (!decision.allowed) return decision;
      // From now on the ticket counts, as it does over HTTP: a player that began in time may watch until the token ends.
      const { ticket } = decision;
      return { allowed: true, stillAllowed: () => access.checkTicket({ app, name }, ticket) };
    },
  };
}
