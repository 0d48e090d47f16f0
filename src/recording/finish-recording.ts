// Finishes the recording in a directory, after its last segment or after a crash: its playlists become VOD playlists that list the segments on disk.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../protocols/system-error.js';
import { replaceFile } from './files.js';
import {
  asGap,
  I_FRAMES,
  PLAYLIST,
  type ReadEntry,
  type ReadPlaylist,
  readPlaylist,
  vodPlaylist,
} from './recorded-playlist.js';
import { FACTS_FILE, type RecordingFacts, renderFacts } from './recording-facts.js';
import { gapsIn } from './recording-progress.js';

/** Several at a time, because a single one mostly waits for the disk. */
const SIZES_AT_ONCE = 32;

/**
 * Replaces the playlists first and the facts last: a crash in between leaves a recording in progress, which the next start finishes.
 * @returns the facts, with duration, end, gaps and bytes counted from the files; undefined if there is nothing to play
 * @throws the system error if it cannot be read or written
 */
export async function finishRecording(directory: string, facts: RecordingFacts): Promise<RecordingFacts | undefined> {
  const renditions = await listRenditions(directory, facts);
  let bytes = 0;
  let longest: FinishedRendition | undefined;
  let gaps: RecordingFacts['gaps'] | undefined;
  const kept: { name: string; video: boolean }[] = [];
  for (const { name, video } of renditions) {
    const found = await finishRendition(join(directory, name));
    if (found === undefined) continue;
    kept.push({ name, video });
    bytes += found.bytes;
    // As while it was made: those of the first rendition.
    gaps ??= found.gaps;
    if (longest === undefined || found.duration > longest.duration) longest = found;
  }
  if (longest === undefined) return undefined;
  await listOnly(join(directory, PLAYLIST), new Set(kept.map(({ name }) => name)));
  const { reason: _, ...rest } = facts;
  const { duration, start, end } = longest;
  const finished: RecordingFacts = { ...rest, renditions: kept, bytes, duration, start, end, gaps: gaps ?? [] };
  await replaceFile(join(directory, FACTS_FILE), renderFacts(finished));
  return finished;
}

/** After a crash the facts may not name every rendition yet, so the directory is read too. */
async function listRenditions(
  directory: string,
  { renditions }: RecordingFacts,
): Promise<RecordingFacts['renditions']> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const known = new Map(renditions.map((rendition) => [rendition.name, rendition.video]));
  const order = [...known.keys()];
  const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return names.sort((a, b) => rank(a) - rank(b)).map((name) => ({ name, video: known.get(name) ?? name !== 'audio' }));
}

interface FinishedRendition {
  readonly bytes: number;
  readonly duration: number;
  /** Epoch milliseconds. */
  readonly start: number;
  readonly end: number;
  readonly gaps: RecordingFacts['gaps'];
}

/** Undefined if the rendition has nothing to play. */
async function finishRendition(directory: string): Promise<FinishedRendition | undefined> {
  const path = join(directory, PLAYLIST);
  const playlist = await readPlaylistFile(path);
  if (playlist === undefined) return undefined;
  const { entries } = playlist;
  const first = entries[0];
  const last = entries.at(-1);
  if (first === undefined || last === undefined || entries.every(({ gap }) => gap)) return undefined;
  let bytes = 0;
  let duration = 0;
  const gone = new Set<string>();
  for (let at = 0; at < entries.length; at += SIZES_AT_ONCE) {
    const some = entries.slice(at, at + SIZES_AT_ONCE).filter(({ gap }) => !gap);
    const sizes = await Promise.all(some.map(({ uri }) => sizeOf(join(directory, uri))));
    for (const [index, { uri, duration: lasts }] of some.entries()) {
      const size = sizes[index] ?? 0;
      if (size === 0) gone.add(uri);
      else duration += lasts;
      bytes += size;
    }
  }
  if (duration === 0) return undefined;
  const there = (entry: ReadEntry): ReadEntry => (gone.has(entry.uri) ? asGap(entry) : entry);
  await replaceFile(path, vodPlaylist({ ...playlist, entries: entries.map(there) }));
  const iFramesPath = join(directory, I_FRAMES);
  const iFrames = await readPlaylistFile(iFramesPath);
  // A crash may have come between the writes of the two playlists, so this one is cut to the segments of the first.
  const count = entries.length;
  if (iFrames !== undefined)
    await replaceFile(iFramesPath, vodPlaylist({ ...iFrames, entries: iFrames.entries.slice(0, count).map(there) }));
  return {
    bytes,
    duration,
    start: Math.round(first.programDateTime),
    end: Math.round(last.programDateTime + last.duration * 1000),
    gaps: gapsIn(entries.map(there)),
  };
}

/** 0 if the file is empty or missing, as it may be after a power cut. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0;
    throw error;
  }
}

/** Removes renditions that have no media playlist from the multivariant playlist. */
async function listOnly(path: string, renditions: ReadonlySet<string>): Promise<void> {
  const text = await readFile(path, 'utf8');
  const lines = text.split('\n');
  const isListed = (uri: string | undefined): boolean => uri === undefined || renditions.has(uri.split('/')[0] ?? '');
  const kept = lines.filter((line, index) => {
    if (line.startsWith('#EXT-X-STREAM-INF:')) return isListed(lines[index + 1]);
    return isListed(line.startsWith('#') ? /URI="([^"]+)"/.exec(line)?.[1] : line || undefined);
  });
  if (kept.length < lines.length) await replaceFile(path, kept.join('\n'));
}

async function readPlaylistFile(path: string): Promise<ReadPlaylist | undefined> {
  try {
    return readPlaylist(await readFile(path, 'utf8'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
