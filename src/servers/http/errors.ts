// The codes this room answers with, so that an API client can branch on them without reading English.

import { defineErrors } from '../../protocols/errors.js';

export const httpError = defineErrors({
  'http.bad-request': {
    kind: 'invalid-data',
    summary:
      'The request line, a name or a parameter is malformed. Names match [0-9A-Za-z_.-]{1,255} and are not "." or "..".',
  },
  'http.not-found': { kind: 'invalid-data', summary: 'No such address on this server.' },
  'http.stream-not-found': {
    kind: 'unavailable',
    summary: 'No stream of that application and name is being published.',
  },
  'http.thumbnail-not-found': {
    kind: 'unavailable',
    summary:
      'There is no thumbnail of that stream: nothing is published, it has no pictures yet, or `thumbnails` is off.',
  },
  'http.method-not-allowed': {
    kind: 'invalid-data',
    summary: 'This server only reads: use GET, HEAD or OPTIONS.',
  },
  'http.too-many-requests': {
    kind: 'limit',
    summary:
      'Status 503. More than 8192 requests of one address wait for their answers. Behind a proxy, name it in `trustedProxies`.',
  },
  'http.uri-too-long': {
    kind: 'limit',
    summary: 'The request target is longer than this server accepts (2048 bytes).',
  },
  'http.too-many-waiting': {
    kind: 'limit',
    summary:
      'More requests wait for media than `maxWaiters` allows in all, or `maxWaitersPerIp` for one address. Behind a proxy, name it in `trustedProxies`.',
  },
  'http.forbidden': {
    kind: 'invalid-data',
    summary: 'Metrics are shown on this machine only: see `metrics`.',
  },
  'http.listen': {
    kind: 'unavailable',
    summary:
      'A port of HTTP or HTTPS cannot be listened on: it is in use, needs privileges, or the address is not of this machine.',
  },
  'http.internal': { kind: 'unavailable', summary: 'The server failed; its log says why.' },
});

/** An error of ours on its way to the client, with the status it becomes. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly statusCode: number;
  readonly code: string;

  constructor(statusCode: number, code: Parameters<typeof httpError>[0], message: string) {
    super(message);
    this.statusCode = statusCode;
    this.code = code;
  }
}
