// What operators can do: list who publishes and who watches, end them, and ban them.

import type { Ban, Grant, GrantControl } from '../../contracts/grant.js';
import type { EpochMilliseconds, Milliseconds, Seconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';
import type { Bans } from './bans.js';
import { type Grants, sameHolder, sessionHolder } from './grants.js';
import type { Sessions } from './sessions.js';

/** Encoders print it as one short line. */
const MAX_REASON = 120;
/** Control characters could break log lines and the display of encoders. */
const UNPRINTABLE = /[^\x20-\x7e\u00a0-\uffff]/g;

export interface ControlledGrants {
  readonly grants: Grants;
  readonly sessions: Sessions;
  readonly bans: Bans;
  readonly wallClock: () => EpochMilliseconds;
  /** How long a token is accepted after its end. */
  readonly clockSkew: Seconds;
}

export function grantControl({ grants, sessions, bans, wallClock, clockSkew }: ControlledGrants): GrantControl {
  /** Ends the grants to which a ban applies. */
  function endBanned({ action, holder, address }: Ban): void {
    const error = accessError('access.banned', 'the operator ended this');
    grants.endWhere((grant) => {
      if (action !== undefined && grant.action !== action) return undefined;
      const isMeant =
        (holder?.id !== undefined && sameHolder(grant.holder, holder)) ||
        (address !== undefined &&
          grant.remoteAddress !== undefined &&
          bans.hasAddress(grant.action, grant.remoteAddress));
      return isMeant ? error : undefined;
    });
  }

  function banGrant({ action, holder, remoteAddress }: Grant, banFor: Milliseconds, reason: string): void {
    const until = wallClock() + banFor;
    if (holder.id !== undefined) bans.add({ action, holder, until, reason });
    else if (remoteAddress !== undefined) bans.add({ action, address: remoteAddress, until, reason });
  }

  /** Otherwise a viewer could continue with its ticket, or come back with its token. */
  function banSession({ session, until = 0 }: Grant, banFor: Milliseconds, reason: string): void {
    if (session === undefined) return;
    const accepted = until + clockSkew * 1000;
    bans.add({
      ...{ action: 'play', holder: sessionHolder(session), reason },
      until: Math.max(accepted, wallClock() + banFor),
    });
  }

  return {
    listGrants: () => [...grants.list(), ...sessions.list()].sort((a, b) => a.since - b.since),
    grant: (id) => grants.get(id) ?? sessions.find(id)?.grant,
    end(id, text, banFor = 0) {
      const reason = text.replace(UNPRINTABLE, ' ').slice(0, MAX_REASON);
      const error = accessError('access.ended', reason);
      const grant = grants.get(id);
      if (grant !== undefined) {
        banSession(grant, banFor, reason);
        if (banFor > 0) banGrant(grant, banFor, reason);
        return grants.end(id, error);
      }
      const session = sessions.find(id);
      if (session === undefined) return false;
      const { sid } = session;
      banSession(session.grant, banFor, reason);
      if (banFor > 0) banGrant(session.grant, banFor, reason);
      sessions.end(sid, { reason: error });
      return true;
    },
    ban(ban) {
      const added = bans.add(ban);
      endBanned(added);
      return added;
    },
    listBans: () => bans.list(),
    liftBan: (id) => bans.lift(id),
  };
}
