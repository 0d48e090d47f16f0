// Recordings as the public and the management API show them.

import type { Static } from 'typebox';
import type { RecordingListQuery, RecordingState } from '../../contracts/recordings.js';
import { HttpProblem } from './errors.js';
import type { RecordingQuery, RecordingSchema } from './schemas/recordings.js';

const DEFAULT_LIMIT = 50;

export function recordingJson({
  renditions,
  start,
  end,
  gaps,
  ...facts
}: RecordingState): Static<typeof RecordingSchema> {
  const { title, reason, ...others } = facts;
  return {
    ...others,
    ...(title !== undefined && { title }),
    ...(reason !== undefined && { reason }),
    start: new Date(start).toISOString(),
    ...(end !== undefined && { end: new Date(end).toISOString() }),
    renditions: renditions.map(({ name }) => name),
    gaps: gaps.map(({ from, to }) => ({ from: new Date(from).toISOString(), to: new Date(to).toISOString() })),
  };
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
