// The proofs that work for both publishers and viewers: JWTs and webhooks.

import { join } from 'node:path';
import type { Logger } from 'pino';
import { accessError } from '../access/errors.js';
import { JwtProof } from '../access/jwt/jwt-proof.js';
import { KeySet } from '../access/jwt/key-set.js';
import type { Proof } from '../access/policy/question.js';
import type { StateFile } from '../access/state-file.js';
import type { Config } from '../config/schema.js';
import type { OutboxFigures } from '../events/outbox/outbox.js';
import type { Clock } from '../protocols/clock.js';
import { openWebhooks, outboxFigures } from './webhook-parts.js';

export interface ProofParts {
  readonly proofs: readonly Proof[];
  /** Whether one of them decides about publishers, so that publishing is not open to everybody. */
  readonly decidePublishing: boolean;
  /** Figures of the messages to webhooks. */
  readonly outbox: () => OutboxFigures;
  close(): Promise<void>;
}

const KEPT_KEYS = 'jwks.json';

export async function openProofs(config: Config, logger: Logger, clock: Clock): Promise<ProofParts> {
  const jwt = await openJwt(config, logger, clock);
  const webhooks = await openWebhooks(config, logger, clock);
  return {
    // JWTs first: what the gateway can decide itself needs no request to a back end.
    proofs: [...jwt.proofs, ...webhooks.proofs],
    decidePublishing: jwt.decidePublishing || webhooks.decidePublishing,
    outbox: () => outboxFigures(webhooks.outboxes),
    close: async () => {
      await jwt.close();
      await webhooks.close();
    },
  };
}

async function openJwt(config: Config, logger: Logger, clock: Clock): Promise<Omit<ProofParts, 'outbox'>> {
  const { jwtJwks, jwtSecret, jwtAlgorithms, jwtIssuer: issuer, jwtAudience: audience, jwtClaim: claim } = config;
  const shared = { issuer, audience, claim, clockSkew: config.clockSkew, wallClock: () => clock.wallClock() };
  if (jwtSecret !== undefined) {
    const key = new TextEncoder().encode(jwtSecret);
    return {
      proofs: [new JwtProof({ ...shared, key, algorithms: ['HS256'] })],
      decidePublishing: true,
      close: async () => undefined,
    };
  }
  if (jwtJwks === undefined) return { proofs: [], decidePublishing: false, close: async () => undefined };
  const set = await KeySet.open({
    url: jwtJwks,
    file: keptKeys(config.stateDir),
    logger: logger.child({ module: 'access' }),
    clock,
    maxStale: config.jwtMaxStale * 1000,
  });
  return {
    proofs: [new JwtProof({ ...shared, key: set.key, algorithms: jwtAlgorithms })],
    decidePublishing: true,
    close: () => set.close(),
  };
}

/** The file with the last keys of the login server, for a start while that server is down. */
function keptKeys(stateDir: string): StateFile {
  const path = join(stateDir, KEPT_KEYS);
  return {
    path,
    maxBytes: 256 * 1024,
    whenFull: 'remove it',
    error: (what, cause) =>
      accessError('access.jwks', `file of kept keys ${path}: ${what}`, cause === undefined ? {} : { cause }),
  };
}
