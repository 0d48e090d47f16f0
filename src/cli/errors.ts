// What the commands themselves can fail at.

import { defineErrors } from '../protocols/errors.js';

export const cliError = defineErrors({
  'cli.directory': {
    kind: 'unavailable',
    summary:
      'A directory that the gateway writes to cannot be made or written. Fix its owner or mode, or choose another.',
  },
  'cli.close-timeout': {
    kind: 'unavailable',
    summary: 'The gateway did not stop within 5 s of the signal and was ended.',
  },
});
