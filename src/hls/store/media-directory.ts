// Decides whether a directory may be the media directory. A mistyped path may lead to somebody's home or archive: it is refused before
// anything is written.

import { constants } from 'node:fs';
import { lstat, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../protocols/system-error.js';
import { hlsError } from '../errors.js';
import { kindOfPlaylist, parseFileName } from './own-files.js';

/** Written when the directory is first used. An empty file created by a person means the same. */
const MEDIA_MARKER = '.sluice-media';

/** Lock file of the gateway that uses the directory. */
export const MEDIA_LOCK = '.sluice-lock';

const MARK = 'Sluice made this directory its media directory: it removes the streams in it when they have ended.\n';

/** Files that people overlook in a directory they consider empty. */
const PLACEHOLDERS: ReadonlySet<string> = new Set([
  '.gitkeep',
  '.gitignore',
  '.keep',
  '.DS_Store',
  // Created by root at the top of each file system.
  'lost+found',
]);

/** Maximum depth: app (up to a few levels), name, rendition. */
const DEEPEST = 8;
/** Depth of a rendition directory for an app of one level. */
const MEDIA_DEPTH = 3;

/**
 * Checks that this directory is the gateway's own or can become so. Changes nothing.
 *
 * It passes if it has the marker, if it is empty, or if it contains only directories and what earlier versions without a marker wrote: our
 * segments and playlists, in their places.
 * ¶ @throws {SluiceError} `hls.media-directory`
 * ¶ @throws the system error if it cannot be read
 */
export async function checkMediaDirectory(root: string): Promise<void> {
  const marker = await lstatIfThere(join(root, MEDIA_MARKER));
  if (marker?.isFile() === true) return;
  const survey: Survey = { proof: false, first: undefined };
  const stranger = (await findStranger(root, '', 0, survey)) ?? (survey.proof ? undefined : survey.first);
  if (stranger === undefined) return;
  throw hlsError(
    'hls.media-directory',
    `${root} contains files that are not Sluice's (${JSON.stringify(stranger)}), so it is not used: give an empty directory ` +
      `with --media-dir. If it belongs to Sluice, create an empty file ${MEDIA_MARKER} in it`,
  );
}

/** Writes the marker if there is none. Call after `checkMediaDirectory` has passed. */
export async function markMediaDirectory(root: string): Promise<void> {
  const path = join(root, MEDIA_MARKER);
  if ((await lstatIfThere(path))?.isFile() === true) return;
  await writeFile(path, MARK, { flag: 'wx' }).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error;
  });
}

interface Survey {
  /** Whether a file was found whose content proves that it is ours; the names of segments alone prove nothing. */
  proof: boolean;
  first: string | undefined;
}

/** The first thing that cannot be ours, as a path below the root. */
async function findStranger(
  root: string,
  directory: string,
  depth: number,
  survey: Survey,
): Promise<string | undefined> {
  const entries = await readdir(join(root, directory), { withFileTypes: true });
  for (const entry of entries) {
    const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
    if (depth === 0 && isOfTheRoot(entry.name)) continue;
    if (entry.isDirectory()) {
      const stranger = depth < DEEPEST ? await findStranger(root, path, depth + 1, survey) : path;
      if (stranger !== undefined) return stranger;
      continue;
    }
    const verdict = entry.isFile() ? await judge(root, path, depth) : 'stranger';
    if (verdict === 'stranger') return path;
    survey.first ??= path;
    survey.proof ||= verdict === 'proof';
  }
  return undefined;
}

function isOfTheRoot(name: string): boolean {
  return PLACEHOLDERS.has(name) || name.startsWith(MEDIA_LOCK) || name.startsWith('.sluice-probe-');
}

/** Judges by name, place and, where possible, content. Empty and incomplete files are accepted, because a power cut may leave them. */
async function judge(root: string, path: string, depth: number): Promise<'proof' | 'fits' | 'stranger'> {
  const named = parseFileName(path.slice(path.lastIndexOf('/') + 1));
  const isDeep = depth >= MEDIA_DEPTH;
  switch (named?.kind) {
    case undefined:
      return 'stranger';
    case 'mark':
      return depth >= MEDIA_DEPTH - 1 ? 'fits' : 'stranger';
    case 'media':
      if (!isDeep || named.temporary || named.media.kind !== 'init') return isDeep ? 'fits' : 'stranger';
      return verdict(await beginning(join(root, path)), (bytes) => bytes.toString('latin1', 4, 8) === 'ftyp');
    case 'playlist': {
      if (depth < MEDIA_DEPTH - 1) return 'stranger';
      if (named.temporary) return 'fits';
      return verdict(await readFile(join(root, path)), (bytes) => kindOfPlaylist(bytes.toString('utf8')) !== undefined);
    }
  }
}

/** @param proves whether this content can only be ours */
function verdict(bytes: Buffer, proves: (bytes: Buffer) => boolean): 'proof' | 'fits' | 'stranger' {
  if (bytes.length === 0) return 'fits';
  return proves(bytes) ? 'proof' : 'stranger';
}

/** Reads the header of the first box. */
async function beginning(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function lstatIfThere(path: string) {
  return lstat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
}
