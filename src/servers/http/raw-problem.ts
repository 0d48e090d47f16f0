// Refuses requests before Fastify sees them, directly on Node's response, so that a refusal costs as little as possible.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { CORS_HEADERS } from './plugins/cors.js';
import { type Problem, READING_METHODS } from './plugins/errors.js';
import { STRICT_HEADERS } from './plugins/security-headers.js';
import { pathOf } from './request-path.js';

export const METHOD_NOT_ALLOWED: Problem = {
  status: 405,
  code: 'http.method-not-allowed',
  message: `expected ${READING_METHODS.join(', ')}`,
};

export const TOO_MANY_REQUESTS: Problem = {
  status: 503,
  code: 'http.too-many-requests',
  message: 'too many requests of this address are unanswered',
};

export const INTERNAL: Problem = { status: 500, code: 'http.internal', message: 'internal error' };

/** @param methods those that are named if the method of the request was refused */
export function sendRawProblem(
  request: IncomingMessage,
  response: ServerResponse,
  problem: Problem,
  methods: readonly string[] = READING_METHODS,
): void {
  const { status, code, message } = problem;
  const isMedia = /^\/(?:hls|dash)\//.test(pathOf(request));
  const body = Buffer.from(isMedia ? `${code}: ${message}\n` : JSON.stringify({ code, message }));
  response.writeHead(status, {
    ...STRICT_HEADERS,
    ...(isMedia && CORS_HEADERS),
    ...(status === 405 && { allow: methods.join(', ') }),
    ...(status === 503 && { 'retry-after': '1' }),
    'content-type': isMedia ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
