// The JSON schemas of the management API. They serialize the answers, so a field that is not listed here cannot leak. Bodies with other
// fields are refused.

import { type Static, Type } from 'typebox';
import { OPERATOR_ROLES } from '../../contracts/operators.js';
import { NameSchema } from '../http/schemas/names.js';

const closed = { additionalProperties: false } as const;
const Time = (description: string) => Type.String({ description: `${description}, ISO 8601` });

const RoleSchema = Type.Enum([...OPERATOR_ROLES]);

export const HealthSchema = Type.Object({
  ready: Type.Boolean(),
  reasons: Type.Array(Type.String({ description: 'why it is not ready' })),
  version: Type.String(),
  node: Type.String({ description: 'version of Node' }),
  uptime: Type.Number({ description: 'seconds since the process started' }),
});

const HolderSchema = Type.Object({
  proof: Type.String({ description: 'kind of proof: open, key, user, token, jwt, webhook or program' }),
  id: Type.Optional(Type.String({ description: 'id of the key, name of the user, session of the token' })),
});

const SessionSchema = Type.Object(
  {
    id: Type.String({ description: 'identifies the session while it lasts; not secret' }),
    action: Type.Union([Type.Literal('publish'), Type.Literal('play')]),
    protocol: Type.String({ description: 'rtmp, hls, dash or thumbnail' }),
    app: Type.String(),
    name: Type.String(),
    holder: HolderSchema,
    session: Type.Optional(
      Type.String({ description: 'session of the token of a viewer; all with the same one can be ended together' }),
    ),
    remoteAddress: Type.Optional(Type.String()),
    since: Time('when it began'),
    until: Type.Optional(Time('when its permission expires')),
  },
  { title: 'Session' },
);

export const SessionListSchema = Type.Object({
  sessions: Type.Array(SessionSchema),
  next: Type.Optional(Type.String()),
});

export const BanSchema = Type.Object(
  {
    id: Type.String(),
    action: Type.Optional(
      Type.Union([Type.Literal('publish'), Type.Literal('play')], { description: 'default: both' }),
    ),
    address: Type.Optional(Type.String({ description: 'an IPv6 address means its /64' })),
    holder: Type.Optional(HolderSchema),
    until: Time('when it ends'),
    reason: Type.String(),
  },
  { title: 'Ban' },
);

export const EndedSchema = Type.Object({
  ended: Type.Integer({ description: 'number of sessions that were ended' }),
  bannedUntil: Type.Optional(Time('it cannot return before this time')),
  note: Type.String({ description: 'what happens next, in one sentence' }),
});

export const TokenSchema = Type.Object(
  {
    id: Type.String(),
    role: RoleSchema,
    name: Type.String(),
    createdAt: Time('when it was made'),
    expiresAt: Type.Optional(Time('when it expires')),
    lastUsedAt: Type.Optional(Time('time of its last use since the gateway started')),
  },
  { title: 'OperatorToken' },
);

export const StreamParameters = Type.Object({ app: NameSchema, name: NameSchema });
export const SessionParameters = Type.Object({ id: Type.String({ pattern: '^[\\w-]{1,64}$' }) });
export const TokenParameters = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{8}$' }) });

/** Such as `90s`, `10m`, `2h`, `7d`. */
const DURATION_PATTERN = '^[1-9][0-9]{0,5}[smhd]$';
export const Duration = (description: string) =>
  Type.String({ pattern: DURATION_PATTERN, description: `${description}: 90s, 10m, 2h or 7d`, examples: ['10m'] });

const Reason = Type.String({
  maxLength: 120,
  pattern: '^[^\\p{C}]*$',
  description: 'shown to the publisher or viewer',
});

export const EndQuery = Type.Object(
  { ban: Type.Optional(Duration('how long it cannot return')), reason: Type.Optional(Reason) },
  closed,
);

export const PageQuery = {
  limit: Type.Optional(
    Type.String({ pattern: '^([1-9][0-9]?|[1-4][0-9]{2}|500)$', description: '1 to 500, default 100' }),
  ),
  after: Type.Optional(Type.String({ pattern: '^[\\w-]{1,64}$', description: '`next` of the previous page' })),
};

export const NewTokenBody = Type.Object(
  {
    role: RoleSchema,
    name: Type.String({ minLength: 1, maxLength: 64, pattern: '^[^\\p{C}]*$', description: 'what the token is for' }),
    for: Type.Optional(Duration('lifetime; by default unlimited')),
  },
  closed,
);

export const NewBanBody = Type.Object(
  {
    address: Type.String({ maxLength: 45, description: 'IP address; an IPv6 address means its /64' }),
    action: Type.Optional(
      Type.Union([Type.Literal('publish'), Type.Literal('play')], { description: 'default: both' }),
    ),
    for: Duration('how long'),
    reason: Type.Optional(Reason),
  },
  closed,
);

export type EndRequest = Static<typeof EndQuery>;
