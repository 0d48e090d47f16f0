// The error codes of the byte readers, so that "the input ended early" is told apart from every other fault.

import { defineErrors } from '../errors.js';

export const bytesError = defineErrors({
  'bytes.truncated': {
    kind: 'invalid-data',
    summary: 'A structure ended before the bytes that it announced. The sender is broken or the data was cut.',
  },
});
