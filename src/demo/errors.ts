// The error codes of the built-in test publisher; none of them stops the gateway.

import { defineErrors } from '../protocols/errors.js';

export const demoError = defineErrors({
  'demo.connection': {
    kind: 'unavailable',
    summary: 'The demo publisher lost, or did not get, its connection to the gateway. It tries again.',
  },
  'demo.rejected': {
    kind: 'denied',
    summary: 'The gateway refused the demo publisher. It tries again.',
  },
  'demo.ffmpeg': {
    kind: 'unavailable',
    summary: 'The FFmpeg that draws the test pattern ended. It is started again.',
  },
});
