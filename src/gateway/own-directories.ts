// Locks the media and the state directory, so that each belongs to one gateway from start to close.

import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { STATE_LOCK } from '../access/state-owner.js';
import { NO_MEDIA_DIRECTORY } from '../config/options/places.js';
import type { Config } from '../config/schema.js';
import type { MediaClaim } from '../hls/store/disk-store.js';
import { checkMediaDirectory, MEDIA_LOCK, markMediaDirectory } from '../hls/store/media-directory.js';
import { ensureDirectory, ensureWritable, inspectDirectory, orDirectoryError } from '../pipeline/directories.js';
import { DirectoryLock } from '../pipeline/directory-lock.js';
import { systemCode } from '../protocols/system-error.js';

/** The state directory holds a secret. */
export const STATE_MODE = 0o700;

export interface OwnDirectories {
  /** Checks whether the media directory is still ours; undefined without a media directory. */
  readonly mediaClaim: MediaClaim | undefined;
  /** Releases both directories. */
  release(): Promise<void>;
}

/**
 * @throws {SluiceError} `pipeline.directory-in-use`, `pipeline.directory`, or `hls.media-directory` if it contains files that are not ours, which are
 * left unchanged
 */
export async function takeDirectories(config: Config, logger: Logger): Promise<OwnDirectories> {
  const state = await lockStateDirectory(config, logger);
  try {
    const media = await lockMediaDirectory(config, logger);
    return {
      mediaClaim: media,
      release: async () => {
        await Promise.all([media?.release(), state?.release()]);
      },
    };
  } catch (error) {
    await state?.release();
    throw error;
  }
}

async function lockMediaDirectory({ mediaDir }: Config, logger: Logger): Promise<DirectoryLock | undefined> {
  if (mediaDir === NO_MEDIA_DIRECTORY) return undefined;
  await ensureDirectory(mediaDir);
  // The directory is checked before anything is written into it.
  await orDirectoryError(mediaDir, 'read', () => checkMediaDirectory(mediaDir));
  await ensureWritable(mediaDir);
  return orDirectoryError(mediaDir, 'write to', async () => {
    const lock = await DirectoryLock.take({
      path: join(mediaDir, MEDIA_LOCK),
      logger,
      onBeat: () => markMediaDirectory(mediaDir),
    });
    await markMediaDirectory(mediaDir);
    return lock;
  });
}

/**
 * Locks the state directory. A directory that cannot be written, such as a mounted secret with the key in it, is not locked: any number of
 * gateways may use it.
 */
async function lockStateDirectory({ stateDir }: Config, logger: Logger): Promise<Releasable | undefined> {
  const { state } = await inspectDirectory(stateDir);
  if (state === 'unwritable') {
    logger.debug({ stateDir }, 'the state directory cannot be written: it is not locked');
    return undefined;
  }
  await ensureDirectory(stateDir, STATE_MODE);
  const lock = await orDirectoryError(stateDir, 'write to', () =>
    DirectoryLock.take({ path: join(stateDir, STATE_LOCK), logger }),
  );
  return {
    release: async () => {
      await lock.release();
      if (state === 'absent') await removeEmpty(stateDir);
    },
  };
}

/** Undefined if it cannot be written: then several gateways may use it, and none keeps anything in it. */
export async function writableStateDirectory({ stateDir }: Config): Promise<string | undefined> {
  const { state } = await inspectDirectory(stateDir);
  return state === 'unwritable' ? undefined : stateDir;
}

/** Removes a directory that this start has created, and its empty subdirectories, if nothing was stored in it. */
async function removeEmpty(directory: string): Promise<void> {
  try {
    for (const name of await readdir(directory)) await rmdir(join(directory, name));
    await rmdir(directory);
  } catch (error) {
    // The directory is not empty, or already gone.
    if (!['ENOTDIR', 'ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(systemCode(error) ?? '')) throw error;
  }
}

interface Releasable {
  release(): Promise<void>;
}
