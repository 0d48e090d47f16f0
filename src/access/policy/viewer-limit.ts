// How many may watch a stream at a time: in all, from one address, and of one account. Viewers are counted by session, together with RTMP players.
// Whoever is watching already is never refused.

import type { AccessDecision } from '../../contracts/access.js';
import type { Grant } from '../../contracts/grant.js';
import { addressGroup } from '../../protocols/address-group.js';
import type { Milliseconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';
import { type Grants, sameHolder } from './grants.js';
import type { Proven, Question } from './question.js';
import type { Sessions } from './sessions.js';

export interface ViewerLimitOptions {
  /** Of this stream; 0: no limit. */
  readonly maxViewers: (app: string, name: string) => number;
  /** Of one stream from one IPv4 address or IPv6 /64; 0: no limit. */
  readonly maxViewersPerAddress?: number;
  readonly sessions: Pick<Sessions, 'has' | 'count'>;
  readonly grants: Pick<Grants, 'list'>;
  /** A viewer without a request for this long has left. */
  readonly leftAfter: Milliseconds;
}

/** Counts the viewers for whom `counts` is true. */
interface Limit {
  readonly most: number;
  readonly counts: (viewer: Pick<Grant, 'holder' | 'remoteAddress'>) => boolean;
  readonly where: string;
}

export function viewerLimit(options: ViewerLimitOptions): {
  check(question: Question, proven: Proven): AccessDecision;
} {
  const { sessions, grants, leftAfter } = options;

  function isFull({ app, name }: Question, { most, counts }: Limit): boolean {
    const players = grants
      .list()
      .filter((grant) => grant.action === 'play' && grant.app === app && grant.name === name && counts(grant)).length;
    return sessions.count(app, name, leftAfter, counts) + players >= most;
  }

  return {
    check(question, proven) {
      const { action, protocol, app, name } = question;
      if (action !== 'play') return { allowed: true };
      const limits = limitsOf(options, question, proven);
      if (limits.length === 0) return { allowed: true };
      const { session } = proven;
      if (protocol !== 'rtmp' && session !== undefined && sessions.has(session.sid, app, name))
        return { allowed: true };
      const full = limits.find((limit) => isFull(question, limit));
      if (full === undefined) return { allowed: true };
      const text = `no more than ${full.most} at a time may watch${full.where}, try again later`;
      return { allowed: false, error: accessError('access.too-many-viewers', text) };
    },
  };
}

function limitsOf(
  { maxViewers, maxViewersPerAddress = 0 }: ViewerLimitOptions,
  { app, name, remoteAddress }: Question,
  { holder, options }: Proven,
): readonly Limit[] {
  const limits: Limit[] = [{ most: maxViewers(app, name), counts: () => true, where: '' }];
  if (remoteAddress !== undefined) {
    const from = addressGroup(remoteAddress);
    const counts: Limit['counts'] = (viewer) =>
      viewer.remoteAddress !== undefined && addressGroup(viewer.remoteAddress) === from;
    limits.push({ most: maxViewersPerAddress, counts, where: ' from this address' });
  }
  if (holder.id !== undefined) {
    const counts: Limit['counts'] = (viewer) => sameHolder(viewer.holder, holder);
    limits.push({ most: options?.maxViewers ?? 0, counts, where: ' with this account' });
  }
  return limits.filter(({ most }) => most > 0);
}
