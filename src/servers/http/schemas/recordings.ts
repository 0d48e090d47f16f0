// The JSON of recordings.

import { Type } from 'typebox';
import { NameSchema } from './names.js';

/** The same as `RECORDING_ID` in `recording/`: 26 characters of Crockford's base 32. */
const RecordingIdSchema = Type.String({ pattern: '^[0-9a-hjkmnp-tv-z]{26}$' });

export const RecordingParameters = Type.Object({ id: RecordingIdSchema });
export const RecordingFileParameters = Type.Object({
  id: RecordingIdSchema,
  rendition: NameSchema,
  file: Type.String({ pattern: '^(index|iframes)\\.m3u8$|^(init|seg)-[0-9]{1,16}\\.(mp4|m4s)$' }),
});

export const MovieQuery = Type.Object({ rendition: Type.Optional(NameSchema) });

const Time = Type.String({ description: 'ISO 8601' });

export const RecordingSchema = Type.Object({
  id: RecordingIdSchema,
  app: NameSchema,
  name: NameSchema,
  title: Type.Optional(Type.String()),
  pinned: Type.Boolean(),
  state: Type.Enum(['recording', 'paused', 'finished', 'interrupted']),
  reason: Type.Optional(Type.String()),
  start: Time,
  end: Type.Optional(Time),
  duration: Type.Number({ description: 'seconds of media' }),
  bytes: Type.Integer(),
  renditions: Type.Array(Type.String()),
  gaps: Type.Array(Type.Object({ from: Time, to: Time })),
  mayClip: Type.Optional(Type.Boolean({ description: 'whether viewers may cut clips out of it' })),
  clip: Type.Optional(
    Type.Object({
      of: Type.Optional(RecordingIdSchema),
      from: Time,
      to: Time,
      skip: Type.Number({ description: 'seconds of the first segment before `from`; `start` is the key frame' }),
      cut: Type.Number({ description: 'seconds of the last segment after `to`' }),
      madeAt: Time,
    }),
  ),
  bucket: Type.Optional(
    Type.Enum(['waiting', 'uploading', 'complete'], { description: 'Its copy in the bucket; only for operators' }),
  ),
});

export const BucketSchema = Type.Object(
  {
    state: Type.Enum(['ok', 'failed']),
    reason: Type.Optional(Type.String({ description: 'Why the store takes or removes nothing' })),
    lag: Type.Number({ description: 'Age of the oldest media that waits, in seconds' }),
    pendingRecordings: Type.Integer(),
    pendingBytes: Type.Integer(),
    droppedSegments: Type.Integer({ description: 'Of live streams: listed as gaps, because they were too late' }),
    sentBytes: Type.Integer(),
    requests: Type.Integer(),
    failedRequests: Type.Integer(),
  },
  { title: 'Bucket' },
);

/** Seconds from the beginning, negative from the end; or a date. */
const ClipPointSchema = Type.Union([
  Type.Number({ minimum: -1e7, maximum: 1e7 }),
  Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,15}(Z|[+-][0-9]{2}:[0-9]{2})$' }),
]);

export const TitleSchema = Type.String({ maxLength: 300, pattern: '^[^\\u0000-\\u001f\\u007f]*$' });

export const NewClipBody = Type.Object(
  { from: ClipPointSchema, to: Type.Optional(ClipPointSchema), title: Type.Optional(TitleSchema) },
  { additionalProperties: false },
);

export const RecordingListSchema = Type.Object({
  recordings: Type.Array(RecordingSchema),
  cursor: Type.Optional(Type.String()),
  bounds: Type.Optional(
    Type.Object({ first: Time, last: Time }, { description: 'of all recordings of the streams that were asked for' }),
  ),
  /** Totals of all recordings, independent of the query. */
  count: Type.Integer(),
  bytes: Type.Integer(),
  incomplete: Type.Optional(
    Type.Literal(true, {
      description: 'the gateway has just started and still reads recordings: not all are listed and counted yet',
    }),
  ),
});

const TimeQuery = Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,15}(Z|[+-][0-9]{2}:[0-9]{2})?)?$' });

export const RecordingQuery = Type.Object({
  app: Type.Optional(NameSchema),
  name: Type.Optional(NameSchema),
  from: Type.Optional(TimeQuery),
  to: Type.Optional(TimeQuery),
  cursor: Type.Optional(RecordingIdSchema),
  /** 1 to 500. */
  limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|[1-4][0-9]{2}|500)$' })),
});
