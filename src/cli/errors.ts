// The error codes of the commands themselves.

import { defineErrors } from '../protocols/errors.js';

export const cliError = defineErrors({
  'cli.close-timeout': {
    kind: 'unavailable',
    summary: 'The gateway did not stop within 5 s of the signal and was ended.',
  },
});
