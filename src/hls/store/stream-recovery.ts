// Reads from the store the traces of an earlier process: used numbers, streams that may continue, and files to remove.

import type { Clock } from '../../protocols/clock.js';
import type { Seconds } from '../../protocols/units.js';
import { endDateOf, isAwaited, type LeftFiles, removeDirectories, targetDurationOf } from './left-stream.js';
import { kindOfPlaylist, parseFileName, parseStreamMark, type StreamMark, streamAbove } from './own-files.js';
import type { SegmentStore, StorePath } from './segment-store.js';
import type { EarlierLife, RecoveredSequences } from './sequence-numbers.js';

/**
 * This many segment and discontinuity numbers after the last ones on disk may have been used, because the disk is written later. With a
 * known discontinuity number, players would take new media for a continuation; with a known segment number, they would wait for media that
 * does not exist.
 */
const RECOVERY_MARGIN = 100;

export interface Recovery {
  readonly sequences: RecoveredSequences;
  /** Streams that are kept, because players may be waiting for them. */
  readonly left: readonly LeftFiles[];
  /** The removed stream directories, and the number of their files. */
  readonly removed: { readonly streams: readonly StorePath[]; readonly files: number };
  /** Directories that look like streams but cannot be proved to be ours. They were left alone. */
  readonly strange: readonly StorePath[];
}

export interface RecoveryOptions {
  readonly store: SegmentStore;
  readonly clock: Clock;
  /** How long a name waits for its publisher. */
  readonly resumeWindow: Seconds;
  /** Whether a file belongs to the user of this process. Default: true for every file. */
  readonly hasOurOwner?: (path: StorePath) => Promise<boolean>;
}

/**
 * Reads the traces of an earlier process from the store, and removes files that are no longer listed. A file is removed only if it has
 * one of our names, its directory has a marker of ours, its number is not below the marker's `from`, and it has our owner. Numbers are
 * learned from every file name: counting too many numbers as used does no harm.
 */
export async function recoverStreams(options: RecoveryOptions): Promise<Recovery> {
  const { store, clock, resumeWindow, hasOurOwner = async () => true } = options;
  const sequences = new Map<StorePath, EarlierLife>();
  const left: LeftFiles[] = [];
  const strange: StorePath[] = [];
  const removed = { streams: [] as StorePath[], files: 0 };
  const remove = async (paths: readonly StorePath[]): Promise<void> => {
    for (const path of paths) await store.remove(path);
    removed.files += paths.length;
  };
  for (const found of await findStreams(store)) {
    const { directory, playlists } = found;
    raiseNumbers(sequences, found);
    const markPaths = await filter(found.markPaths, hasOurOwner);
    const mark = markPaths.length > 0 ? found.mark : undefined;
    // A directory without a marker may be a copy that somebody made. Only a stream that was live a moment ago cannot be a copy.
    const files = await filter(filesFrom(found, mark?.from ?? 0), hasOurOwner);
    const isLeft = isAwaited({ directory, files, playlists }, clock, resumeWindow);
    if (isLeft) left.push({ directory, files, playlists });
    else if (mark === undefined && found.media.length + playlists.size > 0) strange.push(directory);
    if (mark === undefined) continue;
    await remove(await filter(found.scraps, hasOurOwner));
    if (isLeft) continue;
    // The markers are removed last: if this process dies in between, the next one still knows whose the remaining files are.
    const going = [...files, ...markPaths];
    await remove(going);
    await removeDirectories(store, going);
    removed.streams.push(directory);
  }
  return { sequences, left, removed, strange };
}

async function filter(
  paths: readonly StorePath[],
  hasOurOwner: (path: StorePath) => Promise<boolean>,
): Promise<StorePath[]> {
  const own = await Promise.all(paths.map(hasOurOwner));
  return paths.filter((_, index) => own[index] === true);
}

/** Files with our names, from this media sequence number on. */
function filesFrom({ media, playlists }: FoundStream, from: number): StorePath[] {
  const made = media.filter(({ mediaSequence }) => mediaSequence >= from).map(({ path }) => path);
  return [...made, ...playlists.keys()];
}

function raiseNumbers(sequences: Map<StorePath, EarlierLife>, { directory, media, playlists }: FoundStream): void {
  if (media.length === 0) return;
  const highest = media.reduce((most, { mediaSequence }) => Math.max(most, mediaSequence), 0);
  const discontinuities = [...playlists.values()].map(discontinuitiesOf);
  const endDate = endDateOf([...playlists.values()]);
  // No segment is shorter than a GOP, so the target duration also limits the GOPs.
  const longestGop = Math.max(0, ...[...playlists.values()].map(targetDurationOf));
  sequences.set(directory, {
    ...(endDate !== undefined && { endDate }),
    next: highest + 1 + RECOVERY_MARGIN,
    ...(longestGop > 0 && { longestGop }),
    discontinuityNumber: Math.max(0, ...discontinuities) + RECOVERY_MARGIN,
  });
}

/** All files in one directory that have one of our names, whoever wrote them. */
interface FoundStream {
  readonly directory: StorePath;
  readonly media: { readonly path: StorePath; readonly mediaSequence: number }[];
  readonly playlists: Map<StorePath, string>;
  /** Playlists that were still being written, and empty ones, which a power cut leaves. */
  readonly scraps: StorePath[];
  readonly markPaths: StorePath[];
  mark: StreamMark | undefined;
}

async function findStreams(store: SegmentStore): Promise<FoundStream[]> {
  const streams = new Map<StorePath, FoundStream>();
  const streamAt = (directory: StorePath | undefined): FoundStream | undefined => {
    if (directory === undefined) return undefined;
    const stream = streams.get(directory) ?? {
      ...{ directory, media: [], playlists: new Map<StorePath, string>(), scraps: [], markPaths: [] },
      mark: undefined,
    };
    streams.set(directory, stream);
    return stream;
  };
  const unclear: StorePath[] = [];
  for (const path of await store.list('')) {
    const named = parseFileName(path.slice(path.lastIndexOf('/') + 1));
    switch (named?.kind) {
      case undefined:
        break;
      case 'media': {
        const { mediaSequence } = named.media;
        streamAt(streamAbove(path, 2))?.media.push({ path, mediaSequence });
        break;
      }
      case 'mark': {
        const stream = streamAt(streamAbove(path, 1));
        if (stream === undefined) break;
        if (!named.temporary) stream.mark = parseStreamMark(await textOf(store, path), stream.directory);
        stream.markPaths.push(path);
        break;
      }
      case 'playlist': {
        const text = named.temporary ? '' : await textOf(store, path);
        const kind = kindOfPlaylist(text);
        if (kind !== undefined) streamAt(streamAbove(path, kind === 'media' ? 2 : 1))?.playlists.set(path, text);
        else if (text === '') unclear.push(path);
      }
    }
  }
  for (const path of unclear) {
    const places = [streamAbove(path, 1), streamAbove(path, 2)].map((place) => streams.get(place ?? ''));
    places.find((stream) => stream?.mark !== undefined)?.scraps.push(path);
  }
  return [...streams.values()];
}

async function textOf(store: SegmentStore, path: StorePath): Promise<string> {
  return (await store.read(path))?.toString('utf8') ?? '';
}

/** Number of discontinuities in a media playlist as this program writes it. */
function discontinuitiesOf(playlist: string): number {
  const sequence = /^#EXT-X-DISCONTINUITY-SEQUENCE:(\d{1,15})$/m.exec(playlist)?.[1] ?? '0';
  return Number(sequence) + (playlist.match(/^#EXT-X-DISCONTINUITY$/gm)?.length ?? 0);
}
