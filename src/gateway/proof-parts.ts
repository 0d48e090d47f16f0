// The proofs that work for both publishers and viewers: JWTs and webhooks.

import { join } from 'node:path';
import type { Logger } from 'pino';
import { accessError } from '../access/errors.js';
import { JwtProof } from '../access/jwt/jwt-proof.js';
import { KeySet } from '../access/jwt/key-set.js';
import type { Proof } from '../access/policy/question.js';
import type { StateFile } from '../access/state-file.js';
import { WebhookClient } from '../access/webhook/webhook-client.js';
import { type OnWebhookError, WebhookProof } from '../access/webhook/webhook-proof.js';
import type { Config } from '../config/schema.js';
import type { GrantAction } from '../contracts/grant.js';
import type { Clock } from '../protocols/clock.js';
import { limitedLogger } from './limited-logger.js';

export interface ProofParts {
  readonly proofs: readonly Proof[];
  /** Whether one of them decides about publishers, so that publishing is not open to everybody. */
  readonly decidePublishing: boolean;
  close(): Promise<void>;
}

const KEPT_KEYS = 'jwks.json';

export async function openProofs(config: Config, logger: Logger, clock: Clock): Promise<ProofParts> {
  const jwt = await openJwt(config, logger, clock);
  const webhooks = openWebhooks(config, logger, clock);
  return {
    // JWTs first: what the gateway can decide itself needs no request to a back end.
    proofs: [...jwt.proofs, ...webhooks.proofs],
    decidePublishing: jwt.decidePublishing || webhooks.decidePublishing,
    close: async () => {
      await jwt.close();
      await webhooks.close();
    },
  };
}

function openWebhooks(config: Config, logger: Logger, clock: Clock): ProofParts {
  const { publishWebhook, playWebhook, onPublishWebhookError, onPlayWebhookError, webhookSecrets, ladder } = config;
  const wallClock = (): number => clock.wallClock();
  const secrets = webhookSecrets.map((secret) => Buffer.from(secret.slice('whsec_'.length), 'base64'));
  const clients: WebhookClient[] = [];
  const open = (action: GrantAction, url: string | undefined, onError: OnWebhookError): Proof[] => {
    if (url === undefined) return [];
    const client = new WebhookClient({ url, secrets, wallClock });
    clients.push(client);
    return [
      new WebhookProof({
        ...{ action, client, onError, wallClock, bounds: { ladder } },
        logger: limitedLogger(logger.child({ module: 'access' })),
      }),
    ];
  };
  return {
    proofs: [
      ...open('publish', publishWebhook, onPublishWebhookError),
      ...open('play', playWebhook, onPlayWebhookError),
    ],
    decidePublishing: publishWebhook !== undefined,
    close: async () => {
      for (const client of clients) client.close();
    },
  };
}

async function openJwt(config: Config, logger: Logger, clock: Clock): Promise<ProofParts> {
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
