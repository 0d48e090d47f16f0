// The error code of the certificate that all TLS servers share.

import { defineErrors } from '../protocols/errors.js';

export const tlsError = defineErrors({
  'tls.certificate': {
    kind: 'unavailable',
    summary:
      'The files of `tlsCert` and `tlsKey` cannot be read, are not PEM, or do not belong together. At start this is fatal; later the old pair stays in force.',
  },
});
