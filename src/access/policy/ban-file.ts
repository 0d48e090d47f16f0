// Stores the bans in the state directory, so that they still apply after a restart.

import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { type Ban, PROOF_KINDS } from '../../contracts/grant.js';
import type { Logger } from '../../contracts/logger.js';
import type { Clock } from '../../protocols/clock.js';
import { FailureDomain } from '../../protocols/failure-domain.js';
import { systemReason } from '../../protocols/system-error.js';
import type { Milliseconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';
import { changeStateFile, readStateFile, type StateFile } from '../state-file.js';
import { Bans, END_OF_TIME, MAX_BAN_REASON, MAX_HOLDER_ID } from './bans.js';

/** Pause after a failure of the disk. */
const WRITE_AGAIN_AFTER: Milliseconds = 10_000;
const BAN_FILE = 'bans.json';
/** More than the largest number of bans with the longest texts. */
const MAX_BYTES = 16 * 1024 * 1024;

const StoredBan = Type.Object({
  id: Type.String({ maxLength: 64 }),
  action: Type.Optional(Type.Union([Type.Literal('publish'), Type.Literal('play')])),
  address: Type.Optional(Type.String({ maxLength: 64 })),
  holder: Type.Optional(
    Type.Object({
      proof: Type.Enum([...PROOF_KINDS]),
      id: Type.Optional(Type.String({ maxLength: MAX_HOLDER_ID })),
    }),
  ),
  until: Type.Number(),
  reason: Type.String({ maxLength: MAX_BAN_REASON }),
});
const StoredBans = Type.Object({ version: Type.Literal(1), bans: Type.Array(StoredBan) });

export interface KeptBansOptions {
  /** Undefined: the bans end with the process. */
  readonly stateDir: string | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
}

export interface KeptBans {
  readonly bans: Bans;
  /** Waits until the last change is in the file. */
  close(): Promise<void>;
}

/**
 * Opens the bans, starting with those of earlier processes. A change is in the file a moment later.
 * @throws {SluiceError} `access.bans` if the file cannot be read, because banned parties would otherwise be accepted
 */
export async function keepBans({ stateDir, logger, clock }: KeptBansOptions): Promise<KeptBans> {
  const wallClock = () => clock.wallClock();
  if (stateDir === undefined) return { bans: new Bans(wallClock), close: async () => undefined };
  const file = banFile(join(stateDir, BAN_FILE));
  const stored = parse(file, (await readStateFile(file))?.text);
  let isDue = false;
  let writing: Promise<void> = Promise.resolve();
  const domain = new FailureDomain('bans', ({ cause }) =>
    logger.warn({ code: 'access.bans', err: cause }, `bans may be lost at the next restart: ${systemReason(cause)}`),
  );
  const ownClock = domain.clock(clock);
  let cancelRetry: (() => void) | undefined;
  let hasFailed = false;
  let isClosed = false;
  const write = async (before: Promise<void>): Promise<void> => {
    await before;
    isDue = false;
    const text = JSON.stringify({ version: 1, bans: bans.list() });
    try {
      await changeStateFile(file, () => `${text}\n`);
      hasFailed = false;
    } catch (error) {
      if (!isClosed) cancelRetry = ownClock.after(WRITE_AGAIN_AFTER, keep);
      // Logged once, and not at each attempt.
      if (hasFailed) return;
      hasFailed = true;
      throw error;
    }
  };
  const keep = (): void => {
    // Changes during a write are combined into the next one.
    if (isDue) return;
    isDue = true;
    cancelRetry?.();
    cancelRetry = undefined;
    const before = writing;
    writing = domain.settled('bans kept', () => write(before));
  };
  const bans = new Bans(wallClock, { onChange: keep });
  bans.restore(stored);
  const close = (): Promise<void> => {
    isClosed = true;
    cancelRetry?.();
    if (hasFailed) keep();
    return writing;
  };
  return { bans, close };
}

function parse(file: StateFile, text: string | undefined): readonly Ban[] {
  if (text === undefined) return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw file.error('it is not JSON; correct it, or remove it to lift all bans', cause);
  }
  if (!Value.Check(StoredBans, value)) {
    const [fault] = Value.Errors(StoredBans, value);
    throw file.error(
      `${fault?.instancePath ?? ''} ${fault?.message ?? 'is wrong'}; correct it, or remove it to lift all bans`,
    );
  }
  return value.bans.map((ban) => ({ ...ban, until: Math.min(ban.until, END_OF_TIME) }));
}

function banFile(path: string): StateFile {
  return {
    path,
    maxBytes: MAX_BYTES,
    whenFull: 'lift bans that are not needed',
    error: (what, cause) =>
      accessError('access.bans', `file of bans ${path}: ${what}`, cause === undefined ? {} : { cause }),
  };
}
