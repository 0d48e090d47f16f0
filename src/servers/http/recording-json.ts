// Recordings as the public and the management API show them.

import type { Static } from 'typebox';
import type {
  ClipState,
  NewClip,
  RecordingLibrary,
  RecordingListQuery,
  RecordingState,
} from '../../contracts/recordings.js';
import { HttpProblem } from './errors.js';
import type { NewClipBody, RecordingListSchema, RecordingQuery, RecordingSchema } from './schemas/recordings.js';

const DEFAULT_LIMIT = 50;

export function recordingJson({
  renditions,
  start,
  end,
  gaps,
  ...facts
}: RecordingState): Static<typeof RecordingSchema> {
  const { title, reason, clip, ...others } = facts;
  return {
    ...others,
    ...(title !== undefined && { title }),
    ...(reason !== undefined && { reason }),
    start: new Date(start).toISOString(),
    ...(end !== undefined && { end: new Date(end).toISOString() }),
    renditions: renditions.map(({ name }) => name),
    gaps: gaps.map(({ from, to }) => ({ from: new Date(from).toISOString(), to: new Date(to).toISOString() })),
    ...(clip !== undefined && { clip: clipJson(clip) }),
  };
}

/** A page of recordings, with figures of all recordings. */
export function recordingListJson(
  library: Pick<RecordingLibrary, 'list' | 'bounds' | 'totals' | 'isReading'>,
  query: RecordingListQuery,
): Static<typeof RecordingListSchema> {
  const { recordings, cursor } = library.list(query);
  const bounds = library.bounds(query);
  return {
    recordings: recordings.map(recordingJson),
    ...(cursor !== undefined && { cursor }),
    ...(bounds !== undefined && {
      bounds: { first: new Date(bounds.first).toISOString(), last: new Date(bounds.last).toISOString() },
    }),
    ...library.totals(),
    ...(library.isReading && { incomplete: true as const }),
  };
}

function clipJson({ of, from, to, skip, cut, madeAt }: ClipState): NonNullable<Static<typeof RecordingSchema>['clip']> {
  return {
    ...(of !== undefined && { of }),
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    ...{ skip, cut },
    madeAt: new Date(madeAt).toISOString(),
  };
}

/** @returns undefined if a date does not exist */
export function clipOf({ from, to, title }: Static<typeof NewClipBody>): NewClip | undefined {
  const [start, end] = [from, to].map((point) => (typeof point === 'string' ? new Date(point) : point));
  const exists = [start, end].every((point) => !(point instanceof Date) || !Number.isNaN(point.getTime()));
  return start === undefined || !exists ? undefined : { from: start, to: end, title };
}

/** @throws {HttpProblem} for a time that does not exist */
export function recordingQuery({ from, to, limit, ...query }: Static<typeof RecordingQuery>): RecordingListQuery {
  return { ...query, from: timeOf(from), to: timeOf(to), limit: Number(limit ?? DEFAULT_LIMIT) };
}

function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new HttpProblem(400, 'http.bad-request', 'a time of the request is malformed');
  return time;
}
