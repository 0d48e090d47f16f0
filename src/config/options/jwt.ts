// JSON Web Tokens of a login server, for publishers and viewers.

import { Type } from 'typebox';
import { choice, seconds, text } from '../option-kinds.js';

const algorithm = Type.Enum(['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA']);

export const jwtOptions = {
  jwtJwks: Type.Optional(
    text({
      placeholder: 'URL',
      fallback: 'off',
      description:
        'Address of the public keys (JWKS) of whoever signs JSON Web Tokens: https, or http on this machine. Publishers and, with `playAccess: token`, viewers may then come with a JWT (docs/access.md).',
    }),
  ),
  jwtSecret: Type.Optional(
    Type.String({
      minLength: 32,
      maxLength: 512,
      secret: true,
      placeholder: 'SECRET',
      expected: '32 to 512 characters',
      fallback: 'off',
      description: 'Instead of `jwtJwks`: the secret that signs JWTs, which are then HS256 and nothing else.',
    }),
  ),
  jwtAlgorithms: Type.Array(algorithm, {
    default: ['ES256', 'RS256', 'EdDSA'],
    minItems: 1,
    maxItems: 10,
    uniqueItems: true,
    placeholder: 'NAME,…',
    fileOnly: true,
    expected: 'ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512 or EdDSA',
    description: 'Algorithms of JWTs that are accepted with `jwtJwks`, whatever a token says.',
  }),
  jwtIssuer: Type.Optional(
    text({ placeholder: 'TEXT', fallback: 'not checked', description: 'The issuer (`iss`) that a JWT must name.' }),
  ),
  jwtAudience: Type.Optional(
    text({ placeholder: 'TEXT', fallback: 'not checked', description: 'The audience (`aud`) that a JWT must name.' }),
  ),
  jwtAnyAudience: choice(['on', 'off'], {
    default: 'off',
    description:
      'Allows JWTs without `jwtIssuer` and `jwtAudience`: every token of that login server then counts, also one that was made for another program.',
  }),
  jwtClaim: text({
    default: 'sluice',
    placeholder: 'NAME',
    fileOnly: true,
    description:
      'Name of the claim that contains what a JWT allows: `{"publish": ["live/cam"], "play": ["live/*"]}`. `mediamtx_permissions` is understood as well.',
  }),
  jwtMaxStale: seconds(60, 2_592_000, {
    default: 86_400,
    fileOnly: true,
    description: 'How long the last keys stay in force while `jwtJwks` cannot be reached.',
  }),
};
