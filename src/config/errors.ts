// What can be wrong with a configuration; one error carries every problem, because fixing them one start at a time is no fun.

import { defineErrors } from '../protocols/errors.js';

export const configError = defineErrors({
  'config.invalid': {
    kind: 'invalid-data',
    summary:
      'The configuration has unknown options or bad values; the message lists every one with its origin. Fix them and start again.',
  },
});
