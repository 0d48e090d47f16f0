// The configured sources of publish rights: users, the file of publishers, and other proofs.

import type { Logger } from 'pino';
import type { Proof } from '../access/policy/question.js';
import { Publishers } from '../access/publishers/publishers.js';
import { UserDirectory } from '../access/user-directory.js';
import type { Config } from '../config/schema.js';
import type { Grant } from '../contracts/grant.js';
import type { Clock } from '../protocols/clock.js';
import type { EpochMilliseconds } from '../protocols/units.js';
import type { ProofParts } from './proof-parts.js';
import type { SharedAccess } from './shared-access.js';

export interface PublisherParts {
  readonly users: UserDirectory;
  readonly proofs: readonly Proof[];
  /** Whether everybody may publish if there are neither keys nor users. */
  readonly isOpen: () => boolean;
  /** @param listener called once for each publisher whose key expires within a day */
  onExpiring(listener: (grant: Grant, until: EpochMilliseconds) => void): void;
  close(): Promise<void>;
}

/**
 * The result follows a file until it is closed.
 * @throws {SluiceError} `access.publishers`
 */
export async function openPublishers(
  { stateDir, users: configured }: Config,
  logger: Logger,
  clock: Clock,
  { grants }: SharedAccess,
  { proofs, decidePublishing }: ProofParts,
): Promise<PublisherParts> {
  const users = new UserDirectory(configured);
  const publishers = await Publishers.follow({
    stateDir,
    logger: logger.child({ module: 'access' }),
    wallClock: () => clock.wallClock(),
    grants,
    onUsers: (others) => users.setOthers(others),
  });
  return {
    users,
    proofs: [publishers, ...proofs],
    isOpen: () => !publishers.exist && !decidePublishing,
    onExpiring: (listener) => publishers.onExpiring(listener),
    close: () => publishers.close(),
  };
}
