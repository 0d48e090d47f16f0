// The description of a recording, stored as its `recording.json`. These files are the only record of all recordings: there is no database to repair
// or rebuild.

import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { RECORDING_ID } from './recording-id.js';

export const FACTS_FILE = 'recording.json';

const Time = Type.Integer({ minimum: 0 });
const Name = Type.String({ pattern: '^[0-9A-Za-z_.-]{1,255}$' });

const Facts = Type.Object({
  version: Type.Literal(1),
  id: Type.String({ pattern: `^${RECORDING_ID}$` }),
  /** The application of the stream; nested applications are separated by `/`. */
  app: Type.String({ pattern: '^[0-9A-Za-z_.-]+(/[0-9A-Za-z_.-]+)*$', maxLength: 255 }),
  name: Name,
  title: Type.Optional(Type.String({ maxLength: 300 })),
  /** Retention never removes a pinned recording. */
  pinned: Type.Boolean(),
  /**
   * `paused`: nothing can be written at the moment. `interrupted`: the gateway was killed before it finished the recording, which plays up to the
   * last complete segment.
   */
  state: Type.Enum(['recording', 'paused', 'finished', 'interrupted']),
  /** Why it is paused, as a sentence. */
  reason: Type.Optional(Type.String({ maxLength: 500 })),
  /** Date of the first picture, in epoch milliseconds. */
  start: Time,
  /** Date of the end of the last segment; undefined while nothing was recorded. */
  end: Type.Optional(Time),
  /** Seconds of media, without gaps. */
  duration: Type.Number({ minimum: 0 }),
  /** All renditions together. */
  bytes: Type.Integer({ minimum: 0 }),
  renditions: Type.Array(Type.Object({ name: Name, video: Type.Boolean() }), { maxItems: 64 }),
  /** Times without media, because the publisher was away or nothing could be written. Only the newest are kept. */
  gaps: Type.Array(Type.Object({ from: Time, to: Time }), { maxItems: 1000 }),
  /** How a clip was cut out; undefined for a recording. */
  clip: Type.Optional(
    Type.Object({
      /** The recording that it was cut out of; undefined if that was a live stream. It may have been removed since. */
      of: Type.Optional(Type.String({ pattern: `^${RECORDING_ID}$` })),
      /** The requested time range, in epoch milliseconds. The segments begin before it and end after it. */
      from: Type.Number({ minimum: 0 }),
      to: Type.Number({ minimum: 0 }),
      /** Seconds of media before `from`, and after `to`. */
      skip: Type.Number({ minimum: 0 }),
      cut: Type.Number({ minimum: 0 }),
      madeAt: Time,
      by: Type.Enum(['operator', 'viewer']),
    }),
  ),
});

/** Compiled, because a start checks the facts of all recordings. */
const checked = Compile(Facts);

/** Times are epoch milliseconds. */
export type RecordingFacts = Static<typeof Facts>;

/** Gaps remembered per recording. */
export const MAX_GAPS = 1000;

/** Parses `recording.json`. Returns undefined if the text is not valid. Keeps fields that a later version of Sluice may have added. */
export function parseFacts(text: string): RecordingFacts | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return checked.Check(value) ? value : undefined;
}

export function renderFacts(facts: RecordingFacts): string {
  return `${JSON.stringify(facts, undefined, 2)}\n`;
}

/** Whether the recording is still in progress. */
export function isOpen({ state }: Pick<RecordingFacts, 'state'>): boolean {
  return state === 'recording' || state === 'paused';
}
