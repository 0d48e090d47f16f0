// The error codes of AMF. A command with such an error is refused; metadata with one is dropped.

import { defineErrors } from '../errors.js';

export const amfError = defineErrors({
  'amf.malformed': {
    kind: 'invalid-data',
    summary: 'An AMF value is truncated or malformed. The sender is faulty, or the chunk stream is corrupted.',
  },
  'amf.budget': {
    kind: 'limit',
    summary: 'An AMF body nests too deeply, holds too many values or too long a string. No encoder needs that much.',
  },
  'amf.unsupported': {
    kind: 'unsupported',
    summary:
      'An AMF body holds an AMF0 reference, a recordset, an externalizable AMF3 object or a value that contains itself.',
  },
});
