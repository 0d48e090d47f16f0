// The error codes of publishers' and viewers' access, and of the files in the state directory.

import { defineErrors } from '../protocols/errors.js';

export const accessError = defineErrors({
  'access.publish-denied': {
    kind: 'denied',
    summary:
      'The publish key, the user or the password is missing or wrong, or the application in the server URL is not one of apps. Set the server to ' +
      'rtmp://HOST:1935/live and the stream key to NAME?key=SECRET.',
  },
  'access.authentication': {
    kind: 'denied',
    summary:
      'The encoder was asked for user and password (authmod=adobe) when it connected; those that have them connect again at once. ' +
      'Turn on authentication in the encoder, or write the key into the server URL: rtmp://HOST:1935/live?key=SECRET.',
  },
  'access.play-required': {
    kind: 'denied',
    summary:
      'Status 401. Viewers need a token (`playAccess` is `token`), and the request had none. Open the link that `sluice sign` printed, or send `?token=` or `Authorization: Bearer`.',
  },
  'access.play-denied': {
    kind: 'denied',
    summary:
      'Status 403. The token or ticket of a viewer was not signed with our secret, is for another stream, is not valid yet, or was revoked. Make a new one with `sluice sign`.',
  },
  'access.play-expired': {
    kind: 'denied',
    summary: 'Status 403. The token or ticket of a viewer has expired. Make a new one with `sluice sign`.',
  },
  'access.address': {
    kind: 'denied',
    summary:
      'Only in the log, as the cause: the address of the peer is refused by `publishAllow`, `publishDeny`, `playAllow` or `playDeny`. The peer learns only that it was denied.',
  },
  'access.too-many-viewers': {
    kind: 'limit',
    summary:
      'Status 429. The stream, the address or the account has as many viewers as it may have (`maxViewers`, `maxViewersPerAddress`, `max_viewers`). They can go on watching; a place becomes free shortly after one of them leaves.',
  },
  'access.too-many-attempts': {
    kind: 'limit',
    summary:
      'Status 429. More than 20 wrong keys, passwords or tokens within 5 minutes, from one address or for one stream. Further wrong ones are refused at once for 15 minutes; a right one is still accepted.',
  },
  'access.banned': {
    kind: 'denied',
    summary:
      'The operator has banned this address, key, user or session. Later attempts are answered only with a denial that does not mention the ban.',
  },
  'access.scope': {
    kind: 'denied',
    summary:
      'Only in the log, as the cause: the proof is valid, but for other applications, names or actions, or the application is not one of apps.',
  },
  'access.ended': {
    kind: 'denied',
    summary:
      'The operator ended this publish or this viewer. Most encoders connect again within seconds, unless they are banned too.',
  },
  'access.expired': {
    kind: 'denied',
    summary: 'The permission has expired: the key, the token, the JWT, or the `lifetime` that a webhook gave.',
  },
  'access.jwt': {
    kind: 'denied',
    summary:
      'Only in the log, as the cause: a JWT is forged, expired, not yet valid, or of another issuer, audience or algorithm.',
  },
  'access.jwks': {
    kind: 'unavailable',
    summary:
      'The keys that verify JWTs cannot be fetched (`jwtJwks`). The last keys stay in force for `jwtMaxStale`; after that, requests with a JWT are answered "try again later".',
  },
  'access.webhook': {
    kind: 'unavailable',
    summary:
      'The webhook that decides who may publish or watch gave no verdict. `onPublishWebhookError` and `onPlayWebhookError` say what applies then; current publishers and viewers go on.',
  },
  'access.revoked': {
    kind: 'denied',
    summary: 'The key with which somebody published was revoked, or the user was removed.',
  },
  'access.publishers': {
    kind: 'unavailable',
    summary:
      'The file of publishers in the state directory cannot be read, understood or written; the message names the line. The gateway does not start with such a file; a running one keeps the last readable version.',
  },
  'access.revocations': {
    kind: 'unavailable',
    summary:
      'The file of revoked sessions in the state directory cannot be read or written. The gateway does not start without it, because revoked links would work again.',
  },
  'access.bans': {
    kind: 'unavailable',
    summary:
      'The file of bans in the state directory cannot be read or written. The gateway does not start without it, because whoever is banned could get in again. Correct it, or remove it to lift all bans.',
  },
  'access.key-file': {
    kind: 'unavailable',
    summary:
      'The file of the generated publish key, or of the generated play secret, cannot be made, read or trusted. Fix it, or set publishKey or playSecrets.',
  },
  'access.operator-tokens': {
    kind: 'unavailable',
    summary:
      'The file of operator tokens in the state directory cannot be read, understood or written. A running gateway keeps the last readable version.',
  },
  'audit.unwritable': {
    kind: 'unavailable',
    summary:
      'Status 503. The audit log in the state directory cannot be written (disk full, read-only), so the change was refused. Streams go on. Make room, or set auditRequired to off.',
  },
  'audit.unreadable': {
    kind: 'unavailable',
    summary: 'Status 503. The audit log in the state directory cannot be read.',
  },
});
