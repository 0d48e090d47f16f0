// Recognizes the files that this program writes below the media directory, by name, place and content.

import { I_FRAMES, type MediaFileName, PLAYLIST, parseMediaFileName } from '../window/segment.js';
import type { SegmentStore, StorePath } from './segment-store.js';

/** Suffix of files being written; they are never served, and are removed at start. */
export const TEMPORARY_SUFFIX = '.tmp';

/** Marker file in the directory of each stream. It is written before anything else there, and removed last. */
export const STREAM_MARKER = '.sluice-stream';

/** `live/name`; the app may have several levels. */
const SHALLOWEST_STREAM = 2;

const TEMPORARY = /^(.+)\.[0-9]+-[0-9]+\.tmp$/;

export interface StreamMark {
  /** The directory for which the marker was written. In a copy of a stream under another name it does not match. */
  readonly directory: StorePath;
  /** Media sequence number: files with lower numbers were there before the marker. */
  readonly from: number;
}

export function renderStreamMark({ directory, from }: StreamMark): Buffer {
  const about =
    'Sluice wrote the stream in this directory, from this media sequence number on, and removes it at its end.';
  return Buffer.from(`${JSON.stringify({ about, directory, from })}\n`);
}

/** Undefined if it is not the marker of this directory. */
export function parseStreamMark(text: string, directory: StorePath): StreamMark | undefined {
  let mark: unknown;
  try {
    mark = JSON.parse(text);
  } catch {
    // Somebody else's file, or one that a power cut left empty.
    return undefined;
  }
  if (typeof mark !== 'object' || mark === null || !('directory' in mark) || !('from' in mark)) return undefined;
  const { from } = mark;
  if (mark.directory !== directory || typeof from !== 'number' || !Number.isSafeInteger(from)) return undefined;
  return { directory, from };
}

/** The kind of a file according to its name only; the caller checks place and content. */
export type NamedFile = {
  /** Whether it was still being written. */
  readonly temporary: boolean;
} & (
  | { readonly kind: 'media'; readonly media: MediaFileName }
  /** A playlist of a rendition or of the whole stream. */
  | { readonly kind: 'playlist' }
  | { readonly kind: 'mark' }
);

/** Undefined for a name that this program does not use. */
export function parseFileName(name: string): NamedFile | undefined {
  const file = TEMPORARY.exec(name)?.[1] ?? name;
  const temporary = file !== name;
  if (file === PLAYLIST || file === I_FRAMES) return { kind: 'playlist', temporary };
  if (file === STREAM_MARKER) return { kind: 'mark', temporary };
  const media = parseMediaFileName(file);
  return media && { kind: 'media', media, temporary };
}

/** The directory this many levels above a file; undefined if that is too high to have an app and a name. */
export function streamAbove(path: StorePath, levels: 1 | 2): StorePath | undefined {
  const names = path.split('/').slice(0, -levels);
  return names.length < SHALLOWEST_STREAM ? undefined : names.join('/');
}

/** A line that all our multivariant playlists contain, and no other playlist. */
const MULTIVARIANT = /^#EXT-X-(?:STREAM-INF|MEDIA):/m;

/** Which kind of our playlists this text is; undefined if it is none. Our playlists refer only to files with our names. */
export function kindOfPlaylist(text: string): 'multivariant' | 'media' | undefined {
  if (!text.startsWith('#EXTM3U\n')) return undefined;
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const quoted = [...text.matchAll(/\bURI="([^"]*)"/g)].map(([, uri = '']) => uri);
  const uris = [...lines, ...quoted];
  if (MULTIVARIANT.test(text)) return uris.every(isRenditionPlaylist) ? 'multivariant' : undefined;
  return uris.every((uri) => parseMediaFileName(uri) !== undefined) ? 'media' : undefined;
}

function isRenditionPlaylist(uri: string): boolean {
  const [rendition, file, ...more] = uri.split('/');
  return rendition !== '' && rendition !== '..' && (file === PLAYLIST || file === I_FRAMES) && more.length === 0;
}

/** Removes the marker if nothing else is left in the directory. */
export async function removeLoneMark(store: SegmentStore, directory: StorePath): Promise<void> {
  const mark = `${directory}/${STREAM_MARKER}`;
  if ((await store.list(directory)).every((path) => path === mark)) await store.remove(mark);
}
