// Reads what an earlier process left in the store: used numbers, streams that may continue, and files to remove.

import type { Clock } from '../../protocols/clock.js';
import type { Seconds } from '../../protocols/units.js';
import { endDateOf, isAwaited, type LeftFiles, removeDirectories } from './left-stream.js';
import { kindOfPlaylist, parseFileName, parseStreamMark, type StreamMark, streamAbove } from './own-files.js';
import type { SegmentStore, StorePath } from './segment-store.js';
import type { EarlierLife, RecoveredSequences } from './sequence-numbers.js';

/**
 * Segment and discontinuity numbers that may have been used after the last one on disk, because the disk is written behind. Players would
 * take media with a known discontinuity number as a continuation, and wait for media that does not exist.
 */
const RECOVERY_MARGIN = 100;

export interface Recovery {
  readonly sequences: RecoveredSequences;
  /** Streams that are kept, because players may be waiting for them. */
  readonly left: readonly LeftFiles[];
  /** What was removed: stream directories, and the number of their files. */
  readonly removed: { readonly streams: readonly StorePath[]; readonly files: number };
  /** Directories that look like streams but are not provably ours. They were left alone. */
  readonly strange: readonly StorePath[];
}

export interface RecoveryOptions {
  readonly store: SegmentStore;
  readonly clock: Clock;
  /** How long a name waits for its publisher. */
  readonly resumeWindow: Seconds;
  /** Whether a file belongs to the user as whom this program writes. Default: true for every file. */
  readonly hasOurOwner?: (path: StorePath) => Promise<boolean>;
}

/**
 * Reads what an earlier process left in the store, and removes what is no longer listed. A file is removed only if it has one of our names,
 * is in a directory with a marker of ours, has a number from the marker's `from` on, and has our owner. Numbers are learnt from every file
 * name: treating too many as used does no harm.
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
    // A directory without a marker may be a copy that somebody made. Only if its stream was live a moment ago, it certainly is none.
    const files = await filter(filesFrom(found, mark?.from ?? 0), hasOurOwner);
    const isLeft = isAwaited({ directory, files, playlists }, clock, resumeWindow);
    if (isLeft) left.push({ directory, files, playlists });
    else if (mark === undefined && found.media.length + playlists.size > 0) strange.push(directory);
    if (mark === undefined) continue;
    await remove(await filter(found.scraps, hasOurOwner));
    if (isLeft) continue;
    // Remove the markers last: if this process dies in between, the next one still knows whose the rest is.
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
  sequences.set(directory, {
    ...(endDate !== undefined && { endDate }),
    next: highest + 1 + RECOVERY_MARGIN,
    discontinuityNumber: Math.max(0, ...discontinuities) + RECOVERY_MARGIN,
  });
}

/** Everything in one directory that has one of our names, whoever wrote it. */
interface FoundStream {
  readonly directory: StorePath;
  readonly media: { readonly path: StorePath; readonly mediaSequence: number }[];
  readonly playlists: Map<StorePath, string>;
  /** Playlists that were being written, and empty ones, which a power cut leaves. */
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
