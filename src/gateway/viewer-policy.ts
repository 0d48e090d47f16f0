// Builds the configured policy for viewers. Returns undefined if everybody may watch.

import type { Logger } from 'pino';
import { viewerLimit } from '../access/policy/viewer-limit.js';
import { ownDirectories } from '../access/state-owner.js';
import { resolvePlaySecrets } from '../access/tickets/play-secrets.js';
import { Revocations } from '../access/tickets/revocations.js';
import type { SigningKeys } from '../access/tickets/signing-keys.js';
import { ViewerTokens } from '../access/tickets/viewer-tokens.js';
import { ViewerPolicy } from '../access/viewer-policy.js';
import type { Config } from '../config/schema.js';
import { ensureDirectory } from '../pipeline/directories.js';
import type { Clock } from '../protocols/clock.js';
import { STATE_MODE } from './own-directories.js';
import type { ProofParts } from './proof-parts.js';
import type { SharedAccess } from './shared-access.js';

export interface ViewerParts {
  readonly access: ViewerPolicy;
  close(): void;
}

/**
 * The configured secrets, or the one in the state directory, which is generated if missing.
 * @throws {SluiceError} `access.key-file`
 */
export async function findPlayKeys({ playSecrets, stateDir }: Config): Promise<SigningKeys> {
  if (playSecrets.length === 0) await ownDirectories(stateDir, () => ensureDirectory(stateDir, STATE_MODE));
  return resolvePlaySecrets(playSecrets, stateDir);
}

/**
 * Undefined without keys. The policy watches a file until it is closed.
 * @throws {SluiceError} `access.revocations`
 */
export async function openViewerPolicy(
  keys: SigningKeys | undefined,
  { clockSkew, stateDir, maxViewers, maxViewersPerAddress, segmentDuration }: Config,
  logger: Logger,
  clock: Clock,
  { grants, bans, sessions, addresses, settingsOf }: SharedAccess,
  { proofs }: ProofParts,
): Promise<ViewerParts | undefined> {
  if (keys === undefined) return undefined;
  const wallClock = () => clock.wallClock();
  const revoked = await Revocations.follow({ stateDir, logger: logger.child({ module: 'access' }), wallClock });
  // Two target durations.
  const leftAfter = 2_000 * Math.ceil(segmentDuration);
  const limits = viewerLimit({
    maxViewers: (app, name) => settingsOf(app, name)?.maxViewers ?? maxViewers,
    ...{ maxViewersPerAddress, sessions, grants, leftAfter },
  });
  const tokens = new ViewerTokens({ keys, wallClock, clockSkew, revoked });
  return {
    access: new ViewerPolicy({
      now: () => clock.now(),
      tokens,
      steps: { grants, bans, addresses, limits },
      sessions,
      proofs,
    }),
    close: () => revoked.close(),
  };
}
