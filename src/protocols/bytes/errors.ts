// The error codes of the byte readers, which distinguish "the input ended early" from other errors.

import { defineErrors } from '../errors.js';

export const bytesError = defineErrors({
  'bytes.truncated': {
    kind: 'invalid-data',
    summary: 'A structure ended before the bytes that it announced. The sender is faulty, or the data was truncated.',
  },
});
