// The access policy of a gateway with `playAccess: token`, without the rest of the gateway.
import { onTestFinished } from 'vitest';
import { createPlayToken, type PlayClaims } from '../../src/access/tickets/play-token.js';
import { SigningKeys } from '../../src/access/tickets/signing-keys.js';
import { createTicket } from '../../src/access/tickets/ticket.js';
import { ViewerTokens } from '../../src/access/tickets/viewer-tokens.js';
import { ViewerPolicy } from '../../src/access/viewer-policy.js';
import { policySteps } from './policy-steps.js';

export const PLAY_SECRET = 'the-secret-of-tickets-0123456789abcdef';

export function protectedViewing(secret = PLAY_SECRET) {
  const keys = new SigningKeys([Buffer.from(secret)]);
  /** Revoked sessions with their ends, in seconds since 1970. */
  const revoked = new Map<string, number>();
  const list = () => [...revoked].map(([sid, until]) => ({ sid, until }));
  const { sessions, ...steps } = policySteps();
  onTestFinished(() => sessions.close());
  const tokens = new ViewerTokens({
    keys,
    wallClock: Date.now,
    clockSkew: 0,
    revoked: { has: (sid) => revoked.has(sid), list },
  });
  const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
  return {
    access: new ViewerPolicy({ now: () => performance.now(), tokens, steps, sessions }),
    bans: steps.bans,
    revoked,
    inSeconds,
    /** @param name undefined for every stream of the application */
    ticket: (
      sid: string,
      app: string,
      name: string | undefined,
      { until = inSeconds(600), maxHeight }: { readonly until?: number; readonly maxHeight?: number } = {},
    ) => createTicket({ sid, until, maxHeight }, { app, name }, keys),
    token: (stream: string, claims: Partial<PlayClaims> = {}) =>
      createPlayToken({ stream, until: inSeconds(600), ...claims }, keys),
  };
}
