// The JSON schema of the API. Answers are serialized by it, so fields that are not listed here cannot leak.

import { Type } from 'typebox';

const Positive = Type.Number({ exclusiveMinimum: 0 });
const Count = Type.Integer({ minimum: 0 });

export const StreamSchema = Type.Object({
  app: Type.String(),
  name: Type.String(),
  title: Type.Optional(Type.String({ description: 'from whoever allowed the publisher, otherwise left out' })),
  state: Type.Union([
    Type.Literal('waiting'),
    Type.Literal('starting'),
    Type.Literal('live'),
    Type.Literal('resuming'),
    Type.Literal('ended'),
  ]),
  startedAt: Type.Optional(Type.String({ description: 'when publishing began, ISO 8601' })),
  source: Type.Optional(
    Type.Object({
      video: Type.Optional(
        Type.Object({
          codec: Type.String(),
          width: Type.Optional(Positive),
          height: Type.Optional(Positive),
          frameRate: Type.Optional(Positive),
        }),
      ),
      audio: Type.Optional(
        Type.Object({
          codec: Type.String(),
          sampleRate: Type.Optional(Positive),
          channels: Type.Optional(Count),
        }),
      ),
    }),
  ),
  renditions: Type.Array(
    Type.Object({
      name: Type.String(),
      width: Type.Optional(Positive),
      height: Type.Optional(Positive),
      frameRate: Type.Optional(Positive),
      codecs: Type.Optional(Type.String()),
      bandwidth: Type.Optional(Type.Number({ description: 'bit/s, the highest of a segment so far' })),
    }),
  ),
  viewers: Type.Optional(Count),
  thumbnail: Type.Optional(
    Type.Boolean({ description: 'true if hls/APP/NAME/thumbnail.jpg exists, otherwise left out' }),
  ),
  recording: Type.Optional(Type.String({ description: 'id of the recording that is being made of it' })),
  protected: Type.Optional(
    Type.Literal(true, { description: 'true if viewers need a link with a token, otherwise left out' }),
  ),
  ingest: Type.Optional(
    Type.Object({
      bitrate: Type.Optional(Type.Number({ description: 'bit/s, measured' })),
      bytes: Type.Optional(Type.Number()),
    }),
  ),
  publishes: Type.Optional(Count),
  resumeLeft: Type.Optional(Type.Number({ description: 'seconds left for the publisher to return' })),
  slate: Type.Optional(
    Type.Literal(true, { description: 'true while viewers see the slate because the publisher is away' }),
  ),
  transcode: Type.Optional(
    Type.Object({
      renditions: Type.Array(Type.String()),
      restarts: Count,
      droppedTags: Count,
      speed: Type.Optional(Type.Number({ description: 'media time encoded / media time received' })),
      lag: Type.Optional(Type.Number({ description: 'seconds' })),
    }),
  ),
  withdrawn: Type.Optional(
    Type.Array(
      Type.Object({ name: Type.String(), reason: Type.Union([Type.Literal('failed'), Type.Literal('overload')]) }),
    ),
  ),
  shortcomings: Type.Optional(Type.Array(Type.String())),
  disk: Type.Optional(Type.Object({ failing: Type.Boolean(), failures: Count }, { description: 'the copy on disk' })),
});

export const StreamListSchema = Type.Object({
  streams: Type.Array(StreamSchema),
  /** Where encoders publish. The host is not included, because the browser's address bar shows it. */
  publish: Type.Object({
    rtmpPort: Type.Optional(Type.Integer()),
    app: Type.String(),
    proof: Type.Union([Type.Literal('none'), Type.Literal('key'), Type.Literal('user')], {
      description: 'how encoders prove that they may publish',
    }),
  }),
});

export const ProblemSchema = Type.Object({ code: Type.String(), message: Type.String() });
