// How many may watch a stream at a time: viewers with a ticket, and RTMP players. Whoever is watching already is never refused.

import type { AccessDecision } from '../../contracts/access.js';
import type { Milliseconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';
import type { Grants } from './grants.js';
import type { Proven, Question } from './question.js';
import type { Sessions } from './sessions.js';

export interface ViewerLimitOptions {
  /** Of this stream; 0: no limit. */
  readonly maxViewers: (app: string, name: string) => number;
  readonly sessions: Pick<Sessions, 'has' | 'count'>;
  readonly grants: Pick<Grants, 'list'>;
  /** A viewer without a request for this long has left. */
  readonly leftAfter: Milliseconds;
}

export function viewerLimit({ maxViewers, sessions, grants, leftAfter }: ViewerLimitOptions): {
  check(question: Question, proven: Proven): AccessDecision;
} {
  return {
    check({ action, protocol, app, name }, { session }) {
      if (action !== 'play') return { allowed: true };
      const limit = maxViewers(app, name);
      if (limit === 0) return { allowed: true };
      if (protocol !== 'rtmp' && session !== undefined && sessions.has(session.sid, app, name))
        return { allowed: true };
      const players = grants
        .list()
        .filter((grant) => grant.action === 'play' && grant.app === app && grant.name === name).length;
      if (sessions.count(app, name, leftAfter) + players < limit) return { allowed: true };
      return {
        allowed: false,
        error: accessError('access.too-many-viewers', `${limit} viewers are already watching, try again later`),
      };
    },
  };
}
