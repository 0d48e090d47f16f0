// Opens the access policy: the parts that publishing and watching share, and the parts of each.

import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { OutboxFigures } from '../events/outbox/outbox.js';
import type { Clock } from '../protocols/clock.js';
import { openProofs } from './proof-parts.js';
import { openPublishers, type PublisherParts } from './publisher-parts.js';
import { type SharedAccess, sharedAccess } from './shared-access.js';
import { findPlayKeys, openViewerPolicy, type ViewerParts } from './viewer-policy.js';

export interface AccessParts extends SharedAccess {
  /** Of the messages to webhooks. */
  readonly outbox: () => OutboxFigures;
  /** Closes everything that `openAccess` has opened. */
  close(): Promise<void>;
}

export interface OpenedAccess {
  readonly access: AccessParts;
  readonly publishers: PublisherParts;
  /** Undefined if everybody may watch. */
  readonly viewers: ViewerParts | undefined;
}

/** @throws {SluiceError} if a file of keys, users, secrets or revocations cannot be used */
export async function openAccess(config: Config, logger: Logger, clock: Clock): Promise<OpenedAccess> {
  const closers: (() => void | Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    // Closed last: what ends until then is told to webhooks.
    const proofs = await openProofs(config, logger, clock);
    closers.push(() => proofs.close());
    const { shared, close: closeShared } = sharedAccess(config, logger, clock);
    closers.push(closeShared);
    const playKeys = config.playAccess === 'open' ? undefined : await findPlayKeys(config);
    const viewers = await openViewerPolicy(playKeys, config, logger, clock, shared, proofs);
    closers.push(() => viewers?.close());
    const publishers = await openPublishers(config, logger, clock, shared, proofs);
    closers.push(() => publishers.close());
    return { access: { ...shared, outbox: () => proofs.outbox(), close }, publishers, viewers };
  } catch (error) {
    await close();
    throw error;
  }
}
