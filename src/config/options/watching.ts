// Who may watch.

import { Type } from 'typebox';
import { choice, count, seconds } from '../option-kinds.js';
import { addressBlocks } from './publishing.js';

const secretText = Type.String({
  minLength: 32,
  maxLength: 256,
  pattern: '^[A-Za-z0-9._~!@$*:/=+-]+$',
  expected: '32 to 256 letters, digits or . _ ~ ! @ $ * : / = + -',
});

export const watchingOptions = {
  playAccess: choice(['open', 'token'], {
    default: 'open',
    description:
      'Who may watch: everybody (`open`), or only those who have a link with a token (`token`), from `sluice sign` or from your own back end (docs/access.md). Applies to HLS, DASH, thumbnails and RTMP players.',
  }),
  playSecrets: Type.Array(secretText, {
    default: [],
    maxItems: 4,
    uniqueItems: true,
    placeholder: 'SECRET,…',
    secret: true,
    expected: 'up to 4 different texts of 32 to 256 letters, digits or . _ ~ ! @ $ * : / = + -',
    description:
      'Secrets that sign play tokens. If there is none, one is generated and kept in `stateDir`. The first one signs, all of them verify: put a new one first, and remove the old one when its tokens have expired. Gateways with the same secret accept the tokens of each other.',
  }),
  clockSkew: seconds(0, 300, {
    default: 30,
    description: 'How far the clock of a machine that makes play tokens may differ from the clock of this machine.',
  }),
  edgeSecrets: Type.Array(secretText, {
    default: [],
    maxItems: 4,
    uniqueItems: true,
    placeholder: 'SECRET,…',
    secret: true,
    expected: 'up to 4 different texts of 32 to 256 letters, digits or . _ ~ ! @ $ * : / = + -',
    description:
      'Secrets that caches in front of the gateway send in `X-Sluice-Edge` (docs/cdn.md). One that sends it may check tickets itself. All are accepted: add a new one, change the edges, and remove the old one.',
  }),
  edgeOnly: choice(['off', 'on'], {
    default: 'off',
    description:
      'Give media only to requests with one of `edgeSecrets`, so that nobody passes by the edge: all others get 403. Pages and API stay.',
  }),
  playAllow: addressBlocks(
    'Addresses from which one may watch; none: from all. Checked for each request that reaches the gateway: a cache in front of it does not ask.',
  ),
  playDeny: addressBlocks('Addresses from which nobody may watch, also if `playAllow` has them.'),
  maxViewers: count(0, 1_000_000, {
    default: 0,
    unit: 'viewers',
    fileOnly: true,
    description:
      'With `playAccess: token`: viewers of one stream at a time, by session, RTMP players included; one more gets 429 at the entry. 0: no limit.',
  }),
  maxViewersPerAddress: count(0, 1_000_000, {
    default: 0,
    unit: 'viewers',
    fileOnly: true,
    description:
      'The same for one stream and one address (IPv6: one /64). Many people may share an address: those of an office, or of a mobile network. 0: no limit.',
  }),
};
