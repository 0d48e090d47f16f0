// The JSON of keys and users of the management API.

import { Type } from 'typebox';
import { NameSchema } from '../http/schemas/names.js';
import { Duration } from './schemas.js';

const Scope = {
  apps: Type.Optional(Type.Array(NameSchema, { minItems: 1, maxItems: 64, description: 'all if left out' })),
  names: Type.Optional(Type.Array(NameSchema, { minItems: 1, maxItems: 1000, description: 'all streams if left out' })),
  addresses: Type.Optional(
    Type.Array(Type.String({ pattern: '^[0-9A-Fa-f.:]{2,45}(/[0-9]{1,3})?$' }), {
      ...{ minItems: 1, maxItems: 1000 },
      description: 'IP addresses and CIDR blocks from which it may be used; all if left out',
    }),
  ),
  title: Type.Optional(Type.String({ maxLength: 120, pattern: '^[^\\p{C}]*$' })),
};

export const KeySchema = Type.Object(
  {
    id: Type.String(),
    hint: Type.String({ description: 'the first characters of the secret' }),
    ...Scope,
    createdAt: Type.String(),
    expiresAt: Type.Optional(Type.String()),
    revokedAt: Type.Optional(Type.String()),
    keepRunning: Type.Optional(Type.Boolean()),
  },
  { title: 'Key' },
);

export const NewKeySchema = Type.Object({
  id: Type.String(),
  secret: Type.String({ description: 'for the stream key NAME?key=SECRET' }),
});

export const UserSchema = Type.Object({ user: Type.String(), ...Scope, createdAt: Type.String() }, { title: 'User' });

export const NewKeyBody = Type.Object(
  { ...Scope, for: Type.Optional(Duration('when it ends; never if left out')) },
  { additionalProperties: false },
);
export const RotateKeyBody = Type.Object(
  { grace: Duration('how long the old key stays valid') },
  { additionalProperties: false },
);
export const RevokeKeyQuery = Type.Object(
  {
    keepRunning: Type.Optional(
      Type.Union([Type.Literal('true'), Type.Literal('false')], {
        description: 'publishers that already use the key are not ended',
      }),
    ),
  },
  { additionalProperties: false },
);
export const KeyParameters = Type.Object({ id: Type.String({ pattern: '^[\\w-]{1,32}$' }) });
export const UserParameters = Type.Object({ user: Type.String({ pattern: '^[A-Za-z0-9._@-]{1,64}$' }) });
