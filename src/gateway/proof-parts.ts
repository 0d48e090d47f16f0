// Ways of proving something that both publishers and viewers have: JWTs.

import { join } from 'node:path';
import type { Logger } from 'pino';
import { accessError } from '../access/errors.js';
import { JwtProof } from '../access/jwt/jwt-proof.js';
import { KeySet } from '../access/jwt/key-set.js';
import type { Proof } from '../access/policy/question.js';
import type { StateFile } from '../access/state-file.js';
import type { Config } from '../config/schema.js';
import type { Clock } from '../protocols/clock.js';

export interface ProofParts {
  readonly proofs: readonly Proof[];
  close(): Promise<void>;
}

const KEPT_KEYS = 'jwks.json';

export async function openProofs(config: Config, logger: Logger, clock: Clock): Promise<ProofParts> {
  const { jwtJwks, jwtSecret, jwtAlgorithms, jwtIssuer: issuer, jwtAudience: audience, jwtClaim: claim } = config;
  const shared = { issuer, audience, claim, clockSkew: config.clockSkew, wallClock: () => clock.wallClock() };
  if (jwtSecret !== undefined) {
    const key = new TextEncoder().encode(jwtSecret);
    return { proofs: [new JwtProof({ ...shared, key, algorithms: ['HS256'] })], close: async () => undefined };
  }
  if (jwtJwks === undefined) return { proofs: [], close: async () => undefined };
  const set = await KeySet.open({
    url: jwtJwks,
    file: keptKeys(config.stateDir),
    logger: logger.child({ room: 'access' }),
    clock,
    maxStale: config.jwtMaxStale * 1000,
  });
  return {
    proofs: [new JwtProof({ ...shared, key: set.key, algorithms: jwtAlgorithms })],
    close: () => set.close(),
  };
}

/** The last keys of the login server, for a start while it is down. */
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
