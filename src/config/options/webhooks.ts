// A back end of the operator that is asked who may publish and watch.

import { Type } from 'typebox';
import { choice, text } from '../option-kinds.js';

const secret = Type.String({
  pattern: '^whsec_[A-Za-z0-9+/]{32,}={0,2}$',
  maxLength: 256,
  expected: 'whsec_ and at least 24 bytes in base64',
});
const onError = (fallback: 'deny' | 'cached', who: string) =>
  choice(['deny', 'allow', 'cached'], {
    default: fallback,
    fileOnly: true,
    description: `What counts for ${who} who is new while the back end does not answer; \`cached\`: a yes of the last ten minutes, otherwise no. Those who are in are never ended by it.`,
  });

export const webhookOptions = {
  publishWebhook: Type.Optional(
    text({
      placeholder: 'URL',
      fallback: 'off',
      description:
        'Address that is asked by POST whether somebody may publish who has no key, user or JWT that the gateway knows: https, or http on this machine (docs/access.md).',
    }),
  ),
  playWebhook: Type.Optional(
    text({
      placeholder: 'URL',
      fallback: 'off',
      description:
        'With `playAccess: token`: address that is asked whether somebody may watch whose token is not of this gateway.',
    }),
  ),
  webhookSecrets: Type.Array(secret, {
    default: [],
    maxItems: 2,
    uniqueItems: true,
    placeholder: 'SECRET,…',
    secret: true,
    expected: 'up to 2 different texts of whsec_ and at least 24 bytes in base64',
    description: 'Keys that sign the requests to webhooks (Standard Webhooks). Two while one replaces the other.',
  }),
  onPublishWebhookError: onError('deny', 'a publisher'),
  onPlayWebhookError: onError('cached', 'a viewer'),
};
