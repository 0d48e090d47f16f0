// Registry of the error codes of the management API, and the error that becomes an answer with such a code.

import { defineErrors } from '../../protocols/errors.js';

export const adminError = defineErrors({
  'admin.token-required': {
    kind: 'denied',
    summary: 'Status 401. The request has no token: `Authorization: Bearer TOKEN`. Make one with `sluice token add`.',
  },
  'admin.token-denied': {
    kind: 'denied',
    summary: 'Status 401. The token is wrong, was revoked, or has expired.',
  },
  'admin.too-many-attempts': {
    kind: 'limit',
    summary:
      'Status 429. This address has sent more than 20 wrong tokens within 5 minutes, and is refused for 15 minutes. Requests with a valid token are still accepted.',
  },
  'admin.role': {
    kind: 'denied',
    summary: 'Status 403. The token is valid, but its role may not do this. The message names the required role.',
  },
  'admin.host': {
    kind: 'denied',
    summary:
      'Status 421. The request was sent to a host name that is not one of this listener. Name it in `adminHosts`, or use an IP address or localhost.',
  },
  'admin.origin': {
    kind: 'denied',
    summary: 'Status 403. A page of another web site made this request. Name its origin in `adminOrigins`.',
  },
  'admin.bad-request': {
    kind: 'invalid-data',
    summary: 'Status 400. A parameter or a field of the body is missing, unknown or malformed. `details` names it.',
  },
  'admin.media-type': { kind: 'invalid-data', summary: 'Status 415. The body is not `application/json`.' },
  'admin.body-too-large': { kind: 'limit', summary: 'Status 413. The body has more than 64 KiB.' },
  'admin.not-found': {
    kind: 'unavailable',
    summary: 'Status 404. There is no such address, stream, publisher, session, ban or token, or it no longer exists.',
  },
  'admin.conflict': {
    kind: 'invalid-state',
    summary: 'Status 409. The request is valid, but not at this moment: the recording is still in progress.',
  },
  'admin.method': { kind: 'invalid-data', summary: 'Status 405. The management API has no such method.' },
  'admin.metrics-off': {
    kind: 'unavailable',
    summary: 'Status 404. There are no metrics: the option `metrics` is off, or no HTTP server of the gateway runs.',
  },
  'admin.internal': { kind: 'unavailable', summary: 'Status 500. Internal error. The log of the gateway says why.' },
});

/** An error that is answered with this status, code and message. */
export class AdminProblem extends Error {
  override readonly name = 'AdminProblem';
  readonly statusCode: number;
  /** One of `adminError`, or the code of the module that refused the request. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(statusCode: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.statusCode = statusCode;
    this.code = code;
    this.headers = headers;
  }
}
