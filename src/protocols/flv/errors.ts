// The error codes of FLV.
import { defineErrors } from '../errors.js';

export const flvError = defineErrors({
  'flv.header': { kind: 'invalid-data', summary: 'The bytes do not start with an FLV file header.' },
  'flv.tag-size': {
    kind: 'limit',
    summary: 'An FLV tag is larger than its 24-bit size field or the configured limit.',
  },
});
