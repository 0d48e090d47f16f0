// Who may publish, and to which applications.

import { Type } from 'typebox';
import { choice, text } from '../option-kinds.js';

/** `publishKey: none` opens publishing to everyone who can reach the port. */
export const OPEN_PUBLISHING = 'none';

/** A user name that needs no escaping in a query. */
const USER_NAME = '^[A-Za-z0-9._@-]{1,64}$';
/** The output of `sluice hash-password`: salt in base64url, digest in base64. */
const PASSWORD_HASH = '^adobe:[A-Za-z0-9_-]{8,64}:[A-Za-z0-9+/]{22}==$';
const APP_NAME = '^[0-9A-Za-z_][0-9A-Za-z_.-]{0,63}$';
const STREAM_NAME = '^[0-9A-Za-z_.][0-9A-Za-z_.-]{0,254}$';

const appName = Type.String({
  pattern: APP_NAME,
  expected: 'letters, digits and . _ - (neither . nor - first), at most 64',
});
const streamName = Type.String({
  pattern: STREAM_NAME,
  expected: 'letters, digits and . _ - (no - first), at most 255',
});

const addressBlock = Type.String({
  pattern: '^[0-9A-Fa-f.:]{2,45}(/[0-9]{1,3})?$',
  expected: 'an IP address or CIDR block, such as 10.0.0.0/8',
});

/** A list of addresses for which a rule holds. */
export const addressBlocks = (description: string) =>
  Type.Array(addressBlock, {
    default: [],
    maxItems: 10_000,
    uniqueItems: true,
    placeholder: 'ADDRESS,…',
    fileOnly: true,
    expected: 'different IP addresses or CIDR blocks',
    description,
  });

export const publishingOptions = {
  publishKey: Type.Optional(
    text({
      placeholder: 'KEY|none',
      pattern: '^[A-Za-z0-9._~!@$*:,=/-]{1,256}$',
      expected: 'up to 256 letters, digits or . _ ~ ! @ $ * : , = / - (nothing that a URL would escape), or none',
      fallback: 'one is generated and kept in `stateDir`',
      secret: true,
      description:
        'Secret that publishers send as `NAME?key=SECRET`; `none` opens publishing to everyone, or, with `users`, only to these. Better set it in the file or the environment: other users of the machine may see flags.',
    }),
  ),
  users: Type.Array(
    Type.Object(
      {
        name: Type.String({ pattern: USER_NAME, expected: 'up to 64 letters, digits and . _ @ -' }),
        hash: Type.String({ pattern: PASSWORD_HASH, expected: 'what `sluice hash-password USER` prints' }),
        apps: Type.Optional(Type.Array(appName, { minItems: 1, maxItems: 64, expected: 'names of applications' })),
        names: Type.Optional(Type.Array(streamName, { minItems: 1, maxItems: 1000, expected: 'names of streams' })),
      },
      { additionalProperties: false, expected: 'the keys name and hash, and optionally apps and names' },
    ),
    {
      default: [],
      maxItems: 1000,
      placeholder: 'LIST',
      fileOnly: true,
      secret: true,
      expected:
        'a list of users, each with a name of letters, digits and . _ @ -, the hash that `sluice hash-password` prints, and optional lists of apps and names',
      description:
        'Who may publish with a user name and password, in addition to those who have the key; `apps` and `names` limit what a user may publish. See below.',
    },
  ),
  userChallenge: choice(['on', 'off'], {
    default: 'on',
    fileOnly: true,
    description:
      'With `users`: encoders whose server URL has neither user nor key are asked for a user when they connect (authmod=adobe). `off` lets them connect and send the user or the key with the stream key.',
  }),
  apps: Type.Array(appName, {
    default: ['live'],
    minItems: 1,
    maxItems: 64,
    uniqueItems: true,
    placeholder: 'NAME,…',
    expected: 'different names of letters, digits and . _ -',
    description:
      'RTMP applications that accept publishers: the `live` in `rtmp://HOST/live` and `/hls/live/NAME`. Others are refused.',
  }),
  publishAllow: addressBlocks(
    'Addresses from which one may publish; none: from all. An IPv4-mapped IPv6 address is the IPv4 address.',
  ),
  publishDeny: addressBlocks('Addresses from which nobody may publish, also if `publishAllow` has them.'),
};
