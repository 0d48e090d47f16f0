// Who may watch.

import { Type } from 'typebox';
import { choice, seconds } from '../option-kinds.js';

const playSecret = Type.String({
  minLength: 32,
  maxLength: 256,
  pattern: '^[A-Za-z0-9._~!@$*:/=+-]+$',
  expected: '32 to 256 letters, digits or . _ ~ ! @ $ * : / = + -',
});

export const watchingOptions = {
  playAccess: choice(['open', 'token'], {
    default: 'open',
    description:
      'Who may watch: everybody, or whoever has a link with a token from `sluice sign` or from your own back end (docs/access.md). For HLS, DASH, thumbnails and RTMP players.',
  }),
  playSecrets: Type.Array(playSecret, {
    default: [],
    maxItems: 4,
    uniqueItems: true,
    placeholder: 'SECRET,…',
    secret: true,
    expected: 'up to 4 different texts of 32 to 256 letters, digits or . _ ~ ! @ $ * : / = + -',
    description:
      'Secrets that sign play tokens. If there is none, one is generated and kept in `stateDir`. The first signs, all verify: put a new one first, and remove the old one when its tokens have ended. Several gateways with the same secret accept the tokens of each other.',
  }),
  clockSkew: seconds(0, 300, {
    default: 30,
    description: 'How far the clocks of those who make play tokens may differ from that of this machine.',
  }),
};
