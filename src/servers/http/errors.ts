// Registry of the error codes of HTTP answers. API clients should test the codes, not the English texts.

import { defineErrors } from '../../protocols/errors.js';

export const httpError = defineErrors({
  'http.bad-request': {
    kind: 'invalid-data',
    summary:
      'The request line, a name or a parameter is malformed. Names match [0-9A-Za-z_.-]{1,255} and are not "." or "..".',
  },
  'http.not-found': { kind: 'invalid-data', summary: 'No such address on this server.' },
  'http.edge-only': {
    kind: 'denied',
    summary:
      'Status 403. The request has no secret of an edge in `X-Sluice-Edge`, and `edgeOnly` is on or the address is for edges alone.',
  },
  'http.too-tall': {
    kind: 'denied',
    summary: 'Status 403. The link of the viewer allows renditions with a lower picture only (`max_height`).',
  },
  'http.stream-not-found': {
    kind: 'unavailable',
    summary: 'Nothing is published under that application and name.',
  },
  'http.thumbnail-not-found': {
    kind: 'unavailable',
    summary: 'There is no thumbnail of that stream: nothing is published, it has no video yet, or `thumbnails` is off.',
  },
  'http.recording-not-found': {
    kind: 'unavailable',
    summary:
      'There is no recording with this id, it has no media yet, or it was removed; `/api/v1/recordings` lists those that exist.',
  },
  'http.clip-refused': {
    kind: 'invalid-data',
    summary:
      'A clip was not made (400: nothing was recorded then, or it is too long; 429: too many). The message says which, and `viewerClips` is the limit.',
  },
  'http.method-not-allowed': {
    kind: 'invalid-data',
    summary: 'This server only reads: use GET, HEAD or OPTIONS.',
  },
  'http.too-many-requests': {
    kind: 'limit',
    summary:
      'Status 503. More than 8192 requests of one address are unanswered. If that is a proxy, name it in `trustedProxies`.',
  },
  'http.uri-too-long': {
    kind: 'limit',
    summary: 'The request target is longer than this server accepts (2048 bytes).',
  },
  'http.too-many-waiting': {
    kind: 'limit',
    summary:
      'More requests wait for media than `maxWaiters` allows, or `maxWaitersPerIp` for one address. If that is a proxy, name it in `trustedProxies`.',
  },
  'http.too-many-readers': {
    kind: 'limit',
    summary:
      'Status 503. More than 256 connections of one address, or 10,000 in all, read events. If that is a proxy, name it in `trustedProxies`.',
  },
  'http.listen': {
    kind: 'unavailable',
    summary:
      'Cannot listen on the HTTP, HTTPS or admin port: it is in use, needs privileges, or the address is not one of this machine.',
  },
  'http.internal': { kind: 'unavailable', summary: 'Internal error. The log of the server says why.' },
});

/** An error that is answered with this status, code and message. */
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
