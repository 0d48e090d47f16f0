// The error of a wrong configuration. One error lists all problems, so that the user can fix them at once.

import { defineErrors } from '../protocols/errors.js';

export const configError = defineErrors({
  'config.invalid': {
    kind: 'invalid-data',
    summary:
      'The configuration has unknown options or bad values; the message lists every one with its origin. Fix them and start again.',
  },
});
