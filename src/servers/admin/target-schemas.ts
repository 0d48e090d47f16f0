// The JSON of push targets of the management API. The shown URL has no key.

import { type Static, Type } from 'typebox';

const PushStateSchema = Type.Enum(['idle', 'connecting', 'publishing', 'backoff', 'failed', 'stopped']);

const RunSchema = Type.Object({
  app: Type.String(),
  name: Type.String(),
  state: PushStateSchema,
  since: Type.String({ description: 'when this state began, ISO 8601' }),
  attempts: Type.Integer({ description: 'connection attempts since a connection last stayed open for a minute' }),
  nextAttempt: Type.Optional(Type.String()),
  lastError: Type.Optional(
    Type.Object({
      code: Type.String({ description: 'stable, see docs/errors.md' }),
      message: Type.String({ description: 'with the text of the server, without secrets' }),
      time: Type.String(),
    }),
  ),
  bytes: Type.Integer({ description: 'bytes sent over all connections' }),
  bitrate: Type.Number({ description: 'bit/s of the last second' }),
  queue: Type.Number({ description: 'milliseconds for which the oldest message has been waiting' }),
  queuedBytes: Type.Integer(),
  dropped: Type.Integer({ description: 'frames dropped because the server was too slow or away' }),
  remoteAddress: Type.Optional(Type.String()),
  warnings: Type.Array(Type.String({ description: 'what the platform advises against' })),
});

export const TargetSchema = Type.Object(
  {
    id: Type.String(),
    title: Type.Optional(Type.String()),
    stream: Type.String(),
    url: Type.String({ description: 'without key, query and user' }),
    preset: Type.Optional(Type.String()),
    configured: Type.Boolean({ description: 'whether it is in the configuration file, and can only be changed there' }),
    state: PushStateSchema,
    runs: Type.Array(RunSchema, { description: 'one for each matching live stream' }),
  },
  { title: 'PushTarget' },
);

export const SourceSchema = Type.Object(
  {
    app: Type.String(),
    name: Type.String(),
    url: Type.String({ description: 'the one in use, without its last part, query and user' }),
    onDemand: Type.Boolean(),
    state: Type.Enum(['idle', 'connecting', 'pulling', 'backoff', 'failed']),
    since: Type.String({ description: 'when this state began, ISO 8601' }),
    bytes: Type.Integer({ description: 'bytes of media received' }),
    lastError: Type.Optional(Type.Object({ code: Type.String(), message: Type.String(), time: Type.String() })),
    remoteAddress: Type.Optional(Type.String()),
  },
  { title: 'PullSource' },
);

const fields = {
  title: Type.Optional(Type.String({ maxLength: 120, pattern: '^[^\\p{C}]*$' })),
  preset: Type.Optional(Type.String({ pattern: '^[a-z]{1,20}$', description: 'a platform, see docs/relay.md' })),
  codecs: Type.Optional(
    Type.Array(Type.String({ pattern: '^[a-z0-9-]{1,16}$' }), {
      maxItems: 16,
      description: 'codecs that the server accepts although it does not announce them, such as hevc',
    }),
  ),
  ca: Type.Optional(Type.String({ maxLength: 65_536, description: 'certificates to trust, as PEM' })),
  fingerprint: Type.Optional(
    Type.String({ pattern: '^([0-9A-Fa-f]{2}:?){32}$', description: 'SHA-256 of the only certificate to trust' }),
  ),
};
const stream = Type.String({
  pattern: '^[0-9A-Za-z_.*-]+/[0-9A-Za-z_.*-]+$',
  maxLength: 320,
  description: 'APP/NAME, where * stands for any characters but /',
});
const url = Type.String({
  minLength: 1,
  maxLength: 2_048,
  description:
    'rtmp://HOST/APP/KEY or rtmps://HOST/APP/KEY; never shown again. {app} and {name} are replaced by those of the stream.',
});

export const NewTargetBody = Type.Object({ stream, url, ...fields }, { additionalProperties: false });
export const ChangeTargetBody = Type.Object(
  { stream: Type.Optional(stream), url: Type.Optional(url), ...fields },
  { additionalProperties: false, minProperties: 1 },
);
export const TargetParameters = Type.Object({ id: Type.String({ pattern: '^[a-z0-9-]{1,32}$' }) });

export type NewTargetRequest = Static<typeof NewTargetBody>;
export type ChangeTargetRequest = Static<typeof ChangeTargetBody>;
