// The directory tree of recordings. Only directories that are named by an id and have a `recording.json` are ours; all others are
// left alone.

import type { Dirent } from 'node:fs';
import { lstat, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode, systemReason } from '../protocols/system-error.js';
import type { CatalogueEntry } from './catalogue.js';
import { makeDirectory } from './files.js';
import { finishRecording } from './finish-recording.js';
import { idOfDirectory } from './record-path.js';
import { FACTS_FILE, isOpen, parseFacts } from './recording-facts.js';
import { isRecordingId } from './recording-id.js';

/** Recordings are moved here to be removed. After a crash in between, the next start removes them. */
const LEAVING = '.leaving';

/** Clips that are being made. What a crash leaves here is removed by the next start. */
export const MAKING = '.making';

/** In the directory of a recording: some of it is in a bucket (`bucket/upload-mark.ts`). */
export const UPLOAD_MARK = 'bucket.json';

/** Below the root: marks of recordings that are gone here, and must still be removed from a bucket. */
export const REMOVED_UPLOADS = '.bucket';

/** Limit of the directory levels above a recording: the application (one or more) and the name. */
const DEEPEST = 16;

/** Completes the removals that an earlier process had begun. @throws the system error if they cannot be completed */
export async function completeRemovals(root: string): Promise<void> {
  for (const { name } of await readIfThere(join(root, LEAVING))) await endRemoval(root, name);
  await rm(join(root, LEAVING), { recursive: true, force: true });
  await rm(join(root, MAKING), { recursive: true, force: true });
}

/**
 * Reads a recording of an earlier process, and finishes it if that left it unfinished.
 * @returns undefined if it was left unfinished with nothing to play; it is then removed. @throws if it cannot be used
 */
export async function readRecording(
  root: string,
  directory: string,
): Promise<{ readonly entry: CatalogueEntry; readonly wasOpen: boolean } | undefined> {
  const facts = parseFacts(await readFile(join(directory, FACTS_FILE), 'utf8'));
  if (facts === undefined) throw new Error(`${FACTS_FILE} is not the description of a recording`);
  if (idOfDirectory(basename(directory)) !== facts.id) throw new Error(`it belongs to the recording ${facts.id}`);
  if (!isOpen(facts)) return { entry: { directory, facts }, wasOpen: false };
  const finished = await finishRecording(directory, { ...facts, state: 'interrupted' });
  if (finished !== undefined) return { entry: { directory, facts: finished }, wasOpen: true };
  await removeRecording(root, { directory, facts });
  return undefined;
}

/**
 * The directories that are named by an id.
 * @param onUnreadable called for a directory below the root that cannot be read, for example `lost+found`
 * @throws the system error if the root cannot be read
 */
export async function* recordingDirectories(
  directory: string,
  onUnreadable: (directory: string, reason: string) => void,
  depth = 0,
): AsyncGenerator<string, void, undefined> {
  let entries: Dirent[];
  try {
    entries = await readIfThere(directory);
  } catch (error) {
    if (depth === 0) throw error;
    onUnreadable(directory, systemReason(error));
    return;
  }
  for (const entry of entries) {
    // Symbolic links are skipped, because their target is not ours.
    if (!entry.isDirectory() || entry.name === LEAVING || entry.name === MAKING) continue;
    const path = join(directory, entry.name);
    if (idOfDirectory(entry.name) !== undefined) yield path;
    else if (depth < DEEPEST) yield* recordingDirectories(path, onUnreadable, depth + 1);
  }
}

async function readIfThere(directory: string): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Removes the directory, and its parents if they become empty. The rename makes it invisible to readers at once, even if the removal then fails. */
export async function removeRecording(root: string, { directory, facts }: CatalogueEntry): Promise<void> {
  const leaving = join(root, LEAVING, facts.id);
  // It may never have been made, or somebody has removed it by hand. Then nothing must be written, so that it also goes from a failed disk.
  if (await isThere(directory)) {
    await makeDirectory(dirname(leaving));
    await rename(directory, leaving);
  }
  await endRemoval(root, facts.id);
  for (let parent = dirname(directory); parent.startsWith(join(root, '/')); parent = dirname(parent)) {
    if (!(await removedEmpty(parent))) break;
  }
}

async function isThere(directory: string): Promise<boolean> {
  try {
    await lstat(directory);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return false;
    throw error;
  }
}

/** Keeps the mark of a recording that is in a bucket before its directory is gone, so that a crash at any point forgets neither copy. */
async function endRemoval(root: string, id: string): Promise<void> {
  const leaving = join(root, LEAVING, id);
  const mark = join(leaving, UPLOAD_MARK);
  try {
    if (isRecordingId(id) && (await lstat(mark)).isFile()) {
      await makeDirectory(join(root, REMOVED_UPLOADS));
      await rename(mark, join(root, REMOVED_UPLOADS, `${id}.json`));
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  await rm(leaving, { recursive: true, force: true });
}

async function removedEmpty(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    // Not empty, or not ours to remove. The recording is gone in any case.
    if (systemCode(error) !== undefined) return false;
    throw error;
  }
}
