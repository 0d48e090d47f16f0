// Opens the access policy: the parts that publishing and watching share, and the parts of each.

import type { Logger } from 'pino';
import { keepBans } from '../access/policy/ban-file.js';
import type { Config } from '../config/schema.js';
import type { OutboxFigures } from '../events/outbox/outbox.js';
import type { Clock } from '../protocols/clock.js';
import type { Milliseconds } from '../protocols/units.js';
import { untilDeadline } from './close-deadline.js';
import { writableStateDirectory } from './own-directories.js';
import { openProofs } from './proof-parts.js';
import { openPublishers, type PublisherParts } from './publisher-parts.js';
import { type SharedAccess, sharedAccess } from './shared-access.js';
import { findPlayKeys, openViewerPolicy, type ViewerParts } from './viewer-policy.js';

/** How long the end of the process waits for the file of bans, which a command may have locked. */
const LAST_BANS: Milliseconds = 300;

export interface AccessParts extends SharedAccess {
  /** Figures of the messages to webhooks. */
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
    const { bans, close: closeBans } = await keepBans({
      stateDir: await writableStateDirectory(config),
      logger: logger.child({ module: 'access' }),
      clock,
    });
    closers.push(() => untilDeadline(closeBans(), clock.now() + LAST_BANS, clock));
    const { shared, close: closeShared } = sharedAccess(config, logger, clock, bans);
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
