// Makes a clip: a new recording with hard links to the same segments. It takes no disk space, no encoding and almost no time, and stays when its
// source is removed. It is made in a temporary directory and moved when it is complete.

import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { EpochMilliseconds, Seconds } from '../protocols/units.js';
import type { CatalogueEntry } from './catalogue.js';
import { type ClipPoint, type ClipSegment, clipRange } from './clip-range.js';
import type { ClipSource, ClipTrack } from './clip-source.js';
import { recordingError } from './errors.js';
import { makeDirectory, replaceFile } from './files.js';
import { finishRecording } from './finish-recording.js';
import { directoryOf } from './record-path.js';
import { PLAYLIST, startTag } from './recorded-playlist.js';
import type { RecordedSegment } from './recorded-stream.js';
import { MAKING } from './recording-directory.js';
import type { RecordingFacts } from './recording-facts.js';
import { type MissingSegment, TrackWriter } from './track-writer.js';

export interface ClipRequest {
  readonly from: ClipPoint;
  /** Undefined: until the end. */
  readonly to?: ClipPoint | undefined;
  readonly title?: string | undefined;
  readonly by: 'operator' | 'viewer';
  /** Limits of this clip; undefined: none. */
  readonly longest?: Seconds;
  readonly mostBytes?: number;
}

export interface ClipPlace {
  readonly root: string;
  /** See `directoryOf`. */
  readonly template: string;
  readonly id: string;
  readonly madeAt: EpochMilliseconds;
}

/** Several at a time, because a single one mostly waits for the disk. */
const LINKS_AT_ONCE = 32;

/**
 * @throws {SluiceError} `recording.clip` if there is nothing to show between the two points
 * @throws the system error if it cannot be written
 */
export async function makeClip(source: ClipSource, clip: ClipRequest, place: ClipPlace): Promise<CatalogueEntry> {
  const [deciding] = source.tracks;
  if (deciding === undefined) throw recordingError('recording.clip', 'there is no media for a clip yet');
  const { first, last, ...shown } = clipRange(completeSegments(source.tracks, deciding), clip.from, clip.to);
  const { longest = Number.POSITIVE_INFINITY, mostBytes = Number.POSITIVE_INFINITY } = clip;
  const seconds = (shown.to - shown.from) / 1000;
  if (seconds > longest) {
    throw recordingError('recording.clip', `got a clip of ${Math.round(seconds)} s, expected at most ${longest} s`);
  }
  const { root, id, madeAt } = place;
  const { app, name, of } = source;
  const making = join(root, MAKING, id);
  const facts: RecordingFacts = {
    ...{ version: 1, id, app, name, pinned: false, state: 'finished' },
    ...{ start: Math.round(shown.from), duration: 0, bytes: 0, gaps: [] },
    renditions: source.tracks.map(({ rendition: { name: rendition, video } }) => ({ name: rendition, video })),
    ...(clip.title !== undefined && { title: clip.title }),
    clip: { ...(of !== undefined && { of }), ...shown, madeAt, by: clip.by },
  };
  try {
    await makeDirectory(making);
    const all = deciding.segments.filter(({ number }) => number >= first && number <= last);
    await Promise.all(source.tracks.map((track) => storeTrack(track, all, { making, source, skip: shown.skip })));
    await replaceFile(join(making, PLAYLIST), startingAt(source.variants, shown.skip));
    const finished = await finishRecording(making, facts);
    if (finished === undefined) throw recordingError('recording.clip', 'its media was removed in the meantime');
    if (finished.bytes > mostBytes) {
      throw recordingError('recording.clip-limit', 'viewers have made as many clips as there is room for');
    }
    const directory = directoryOf(root, place.template, { ...finished, part: 1 });
    await makeDirectory(dirname(directory));
    await rename(making, directory);
    return { facts: finished, directory };
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    throw error;
  }
}

/** Number of segments that a rendition may be behind the others. One that is further behind has ended. */
const LATE_SEGMENTS = 3;

/** The segments that all renditions have. In a live stream, one rendition completes a segment before another. */
function completeSegments(tracks: readonly ClipTrack[], { rendition, segments }: ClipTrack): ClipSegment[] {
  const newest = segments.at(-1)?.number ?? 0;
  const ends = tracks.map((track) => track.segments.at(-1)?.number ?? 0).filter((end) => end > newest - LATE_SEGMENTS);
  const end = Math.min(newest, ...ends);
  return segments
    .filter(({ number }) => number <= end)
    .map(({ number, duration, programDateTime, gap, keyFrameBytes }) => ({
      ...{ number, duration, programDateTime, gap },
      isIndependent: !gap && (!rendition.video || keyFrameBytes !== undefined),
    }));
}

interface Destination {
  readonly making: string;
  readonly source: ClipSource;
  readonly skip: number;
}

/** @param all the segments of the clip in the rendition that determines the range */
async function storeTrack(
  { rendition, segments, path }: ClipTrack,
  all: readonly MissingSegment[],
  { making, source, skip }: Destination,
): Promise<void> {
  const [first] = all;
  if (first === undefined) return;
  const writer = new TrackWriter({
    ...{ directory: making, rendition, first: first.number, targetDuration: source.targetDuration },
    ...{ start: skip, livePath: path },
  });
  const byNumber = new Map(segments.map((segment) => [segment.number, segment]));
  const stored = await storeAll(
    writer,
    all.flatMap(({ number }) => byNumber.get(number) ?? []),
  );
  for (const shown of all) {
    const segment = byNumber.get(shown.number);
    if (segment === undefined) writer.skip(shown);
    else writer.list(segment, !stored.has(segment.number));
  }
  await writer.flush();
}

/** @returns the numbers of the segments that were stored */
async function storeAll(writer: TrackWriter, segments: readonly RecordedSegment[]): Promise<ReadonlySet<number>> {
  const stored = new Set<number>();
  const store = async (segment: RecordedSegment): Promise<void> => {
    if (await writer.store(segment)) stored.add(segment.number);
  };
  let waiting: RecordedSegment[] = [];
  const storeWaiting = async (): Promise<void> => {
    const [first, ...others] = waiting;
    waiting = [];
    // The first call also stores the init segment.
    if (first !== undefined) await store(first);
    await Promise.all(others.map(store));
  };
  for (const segment of segments) {
    if (segment.gap) continue;
    if (waiting.length === LINKS_AT_ONCE || (waiting[0] !== undefined && waiting[0].init.uri !== segment.init.uri)) {
      await storeWaiting();
    }
    waiting.push(segment);
  }
  await storeWaiting();
  return stored;
}

/** Adds the start position of players to the multivariant playlist. */
function startingAt(variants: string, skip: number): string {
  const lines = variants.split('\n').filter((line) => !line.startsWith('#EXT-X-START:'));
  const at = lines.findLastIndex((line) => /^#(EXTM3U|EXT-X-VERSION|EXT-X-INDEPENDENT-SEGMENTS)/.test(line));
  return lines.toSpliced(at + 1, 0, startTag(skip)).join('\n');
}
