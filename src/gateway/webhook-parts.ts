// Opens the webhooks that decide who may publish and watch, each with an outbox for the calls about ended grants.

import { join } from 'node:path';
import type { Logger } from 'pino';
import { WebhookClient } from '../access/webhook/webhook-client.js';
import { type OnWebhookError, WebhookProof } from '../access/webhook/webhook-proof.js';
import type { Config } from '../config/schema.js';
import type { GrantAction } from '../contracts/grant.js';
import { Outbox, type OutboxFigures } from '../events/outbox/outbox.js';
import type { Clock } from '../protocols/clock.js';
import { limitedLogger } from './limited-logger.js';
import { writableStateDirectory } from './own-directories.js';

export interface WebhookParts {
  readonly proofs: readonly WebhookProof[];
  readonly decidePublishing: boolean;
  readonly outboxes: readonly Outbox[];
  /** Call when all grants of the webhooks have ended. */
  close(): Promise<void>;
}

export async function openWebhooks(config: Config, logger: Logger, clock: Clock): Promise<WebhookParts> {
  const { publishWebhook, playWebhook, onPublishWebhookError, onPlayWebhookError } = config;
  const opened = await Promise.all([
    open('publish', publishWebhook, onPublishWebhookError, { config, logger, clock }),
    open('play', playWebhook, onPlayWebhookError, { config, logger, clock }),
  ]);
  const webhooks = opened.filter((webhook) => webhook !== undefined);
  return {
    proofs: webhooks.map(({ proof }) => proof),
    outboxes: webhooks.map(({ outbox }) => outbox),
    decidePublishing: publishWebhook !== undefined,
    close: async () => {
      await Promise.all(webhooks.map(({ close }) => close()));
    },
  };
}

interface OpenedWebhook {
  readonly proof: WebhookProof;
  readonly outbox: Outbox;
  close(): Promise<void>;
}

async function open(
  action: GrantAction,
  url: string | undefined,
  onError: OnWebhookError,
  { config, logger, clock }: { readonly config: Config; readonly logger: Logger; readonly clock: Clock },
): Promise<OpenedWebhook | undefined> {
  if (url === undefined) return undefined;
  const { webhookSecrets, ladder } = config;
  const secrets = webhookSecrets.map((secret) => Buffer.from(secret.slice('whsec_'.length), 'base64'));
  const wallClock = (): number => clock.wallClock();
  const client = new WebhookClient({ url, secrets, wallClock });
  const directory = await writableStateDirectory(config);
  const outbox = await Outbox.open({
    path: directory && join(directory, `${action}-webhook-outbox.jsonl`),
    post: async ({ id, body }) => (await client.sendOnce(id, body)).status,
    clock,
    logger: limitedLogger(logger.child({ module: 'events' })),
  });
  const limited = limitedLogger(logger.child({ module: 'access' }));
  return {
    outbox,
    proof: new WebhookProof({
      ...{ action, client, onError, wallClock, bounds: { ladder }, closings: outbox },
      logger: limited,
    }),
    close: async () => {
      await outbox.close();
      client.close();
    },
  };
}

/** The figures of all outboxes together. */
export function outboxFigures(outboxes: readonly Outbox[]): OutboxFigures {
  const total = { waiting: 0, delivered: 0, dropped: 0 };
  for (const { figures } of outboxes) {
    total.waiting += figures.waiting;
    total.delivered += figures.delivered;
    total.dropped += figures.dropped;
  }
  return total;
}
