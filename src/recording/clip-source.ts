// The source of a clip: a recording, or the segments that a live stream still has.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../protocols/system-error.js';
import type { Seconds } from '../protocols/units.js';
import type { CatalogueEntry } from './catalogue.js';
import { recordingError } from './errors.js';
import { I_FRAMES, PLAYLIST, readPlaylist } from './recorded-playlist.js';
import type { RecordedRendition, RecordedSegment, RecordedStream } from './recorded-stream.js';

export interface ClipSource {
  readonly app: string;
  readonly name: string;
  /** Id of the recording. */
  readonly of?: string;
  readonly targetDuration: Seconds;
  /** The first track determines the range: a video, if there is one. */
  readonly tracks: readonly ClipTrack[];
  /** The multivariant playlist. */
  readonly variants: string;
}

export interface ClipTrack {
  readonly rendition: RecordedRendition;
  /** In order, without holes in their numbers. */
  readonly segments: readonly RecordedSegment[];
  /** Path of a file that may be linked; undefined if there is none. */
  readonly path: (uri: string) => string | undefined;
}

/** @throws {SluiceError} `recording.clip` if there is no media yet. @throws the system error if it cannot be read */
export async function recordingAsSource({ directory, facts }: CatalogueEntry): Promise<ClipSource> {
  const { id: of, app, name } = facts;
  const variants = await textOf(join(directory, PLAYLIST));
  const tracks = await Promise.all(facts.renditions.map((rendition) => trackOf(directory, rendition)));
  const found = tracks.filter((track) => track !== undefined);
  if (variants === undefined || found.length === 0) throw nothingYet();
  const targetDuration = Math.max(...found.map((track) => track.targetDuration));
  return { app, name, of, targetDuration, tracks: decidingFirst(found), variants };
}

/** @throws {SluiceError} `recording.clip` if there is no media yet */
export function streamAsSource(stream: RecordedStream): ClipSource {
  const { app, name, targetDuration = 1, multivariant: variants } = stream;
  const tracks = stream
    .available()
    .filter(({ segments }) => segments.length > 0)
    .map(({ rendition, segments }) => ({
      ...{ rendition, segments },
      path: (uri: string) => stream.livePath(rendition.name, uri),
    }));
  if (variants === undefined || tracks.length === 0) throw nothingYet();
  return { app, name, targetDuration, tracks: decidingFirst(tracks), variants };
}

function nothingYet(): Error {
  return recordingError('recording.clip', 'there is no media for a clip yet');
}

function decidingFirst(tracks: readonly ClipTrack[]): ClipTrack[] {
  return tracks.toSorted((a, b) => Number(b.rendition.video) - Number(a.rendition.video));
}

async function trackOf(
  directory: string,
  rendition: RecordedRendition,
): Promise<(ClipTrack & { readonly targetDuration: Seconds }) | undefined> {
  const path = (uri: string): string => join(directory, rendition.name, uri);
  const playlist = readPlaylist((await textOf(path(PLAYLIST))) ?? '');
  if (playlist === undefined || playlist.entries.length === 0) return undefined;
  const keyFrames = rendition.video ? readPlaylist((await textOf(path(I_FRAMES))) ?? '')?.entries : undefined;
  const inits = new Map<string, Buffer>();
  const segments: RecordedSegment[] = [];
  for (const [index, entry] of playlist.entries.entries()) {
    const { uri, duration, programDateTime, discontinuity, gap, map } = entry;
    // Gaps before any media have no init segment.
    const bytes = inits.get(map) ?? (map === '' ? Buffer.alloc(0) : await readFile(path(map)));
    inits.set(map, bytes);
    segments.push({
      ...{ number: playlist.first + index, uri, duration, programDateTime, discontinuity, gap },
      init: { uri: map, bytes },
      keyFrameBytes: keyFrames?.[index]?.byteRange,
      media: { length: 0, isStored: !gap, pieces: [] },
    });
  }
  return { rendition, segments, path, targetDuration: playlist.targetDuration };
}

/** Undefined if there is no such file. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
