// The error codes of the commands themselves.

import { defineErrors } from '../protocols/errors.js';

export const cliError = defineErrors({
  'cli.gateway': {
    kind: 'unavailable',
    summary:
      'A command cannot reach the management API of the gateway on this machine, or the gateway refuses what it asks for. The message says why.',
  },
  'cli.close-timeout': {
    kind: 'unavailable',
    summary: 'The gateway did not stop within 5 s of the signal and was ended.',
  },
});
