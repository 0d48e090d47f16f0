// The error codes of publish access and of the publish key file.

import { defineErrors } from '../protocols/errors.js';

export const accessError = defineErrors({
  'access.publish-denied': {
    kind: 'denied',
    summary:
      'The publish key is missing or wrong, or user or password are, or the application of the server URL is not one of apps. Set the server to ' +
      'rtmp://HOST:1935/live and the stream key to NAME?key=SECRET.',
  },
  'access.authentication': {
    kind: 'denied',
    summary:
      'The encoder was asked for user and password (authmod=adobe) when it connected; those that have them connect again at once. ' +
      'Turn on authentication in the encoder, or write the key into the server URL: rtmp://HOST:1935/live?key=SECRET.',
  },
  'access.key-file': {
    kind: 'unavailable',
    summary: 'The file of the generated publish key cannot be made, read or trusted. Fix it, or set publishKey.',
  },
});
