// Converts every error to an answer: JSON for programs, a short text for players, a page for people. Never a stack trace.

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../../../protocols/errors.js';
import type { Seconds } from '../../../protocols/units.js';
import { HttpProblem } from '../errors.js';
import { renderErrorPage } from '../pages/pages.js';
import { maskedPath, pathOf } from '../request-path.js';
import { setCorsHeaders } from './cors.js';
import { pagePolicy } from './security-headers.js';

/** Our longest addresses are shorter. Node itself would accept 16 KiB. */
export const MAX_TARGET_BYTES = 2048;
export const READING_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

export const NOT_FOUND: Problem = { status: 404, code: 'http.not-found', message: 'no such address' };

/** Players that are refused because too many watch, or because it cannot be decided, may come back after this. */
const RETRY_AFTER: Seconds = 5;
/** After too many wrong tokens; AttemptLimit has the same time. */
const ATTEMPTS_AFTER: Seconds = 900;

/** Headers of the answer to a viewer who was refused. */
export function problemHeaders(status: number, code: string): Readonly<Record<string, string>> {
  // RFC 6750 section 3. Not Basic, because a browser would ask its user for a password.
  if (status === 401) return { 'www-authenticate': 'Bearer' };
  if (status !== 429 && status !== 503) return {};
  return { 'retry-after': String(code === 'access.too-many-attempts' ? ATTEMPTS_AFTER : RETRY_AFTER) };
}

export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** Refuses overlong request targets, and writing methods except on a route that is for one. */
export function installRequestLimits(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (request.raw.url !== undefined && request.raw.url.length > MAX_TARGET_BYTES) {
      return done(
        new HttpProblem(414, 'http.uri-too-long', `got more than ${MAX_TARGET_BYTES} bytes of request target`),
      );
    }
    const isForWriting = request.method === 'POST' && request.routeOptions.method === 'POST';
    if (!READING_METHODS.includes(request.method) && !isForWriting) {
      reply.header('allow', 'GET, HEAD, OPTIONS');
      return done(
        new HttpProblem(405, 'http.method-not-allowed', `got ${request.method}, expected GET, HEAD or OPTIONS`),
      );
    }
    done();
  });
}

/** @param page the HTML of error pages, see `renderErrorPage` */
export function installErrorHandler(app: FastifyInstance, page: string): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = describeProblem(error);
    if (problem.status >= 500) request.log.error({ err: error, path: maskedPath(request.raw) }, 'request failed');
    return sendProblem(request, reply, problem, { page, mount: app.prefix });
  });
}

export function installNotFoundHandler(app: FastifyInstance, page: string): void {
  app.setNotFoundHandler((request, reply) => sendProblem(request, reply, NOT_FOUND, { page, mount: app.prefix }));
}

export function describeProblem(error: FastifyError): Problem {
  if (error instanceof HttpProblem) return { status: error.statusCode, code: error.code, message: error.message };
  if (error.validation !== undefined) {
    return { status: 400, code: 'http.bad-request', message: 'a name or parameter of the request is malformed' };
  }
  if (error.code === 'FST_ERR_MAX_PARAM_LENGTH') {
    return { status: 414, code: 'http.uri-too-long', message: 'a name of the request is too long' };
  }
  const status = error.statusCode ?? 500;
  // Only our own texts are sent: texts of libraries may quote the request, or reveal details of this machine.
  if (status >= 400 && status < 500) return { status, code: 'http.bad-request', message: 'the request is malformed' };
  return { status: 500, code: error instanceof SluiceError ? error.code : 'http.internal', message: 'internal error' };
}

/** For error pages. `mount` is the prefix under which the routes are registered. */
interface ErrorPageContext {
  readonly page: string;
  readonly mount: string;
}

export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, code, message }: Problem,
  { page, mount }: ErrorPageContext,
): FastifyReply {
  reply.code(status);
  forgetAnswer(reply);
  const path = pathOf(request.raw);
  const below = path.startsWith(mount) ? path.slice(mount.length) : path;
  if (/^\/(?:hls|dash)\//.test(below)) return sendTextProblem(reply, { status, code, message });
  if (wantsPage(request, below)) {
    return reply
      .header('content-security-policy', pagePolicy("'none'"))
      .type('text/html; charset=utf-8')
      .send(renderErrorPage(page, below, status, message));
  }
  return reply.type('application/json; charset=utf-8').send(JSON.stringify({ code, message }));
}

/**
 * For players, which use only the status and may show the text. Sets the CORS headers itself, because the hooks of the HLS routes may not
 * have run.
 * @param lifetime Cache-Control; caches keep no failure by default
 */
export function sendTextProblem(
  reply: FastifyReply,
  { status, code, message }: Problem,
  lifetime = 'no-store',
): FastifyReply {
  setCorsHeaders(reply);
  forgetAnswer(reply);
  reply.header('cache-control', lifetime);
  return reply.code(status).type('text/plain; charset=utf-8').send(`${code}: ${message}\n`);
}

/** For a viewer who may not get the requested target. JSON, because a page shows what is missing. */
export function sendGateProblem(reply: FastifyReply, { status, code, message }: Problem): FastifyReply {
  setCorsHeaders(reply);
  forgetAnswer(reply);
  reply.headers(problemHeaders(status, code));
  return reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify({ code, message }));
}

/** Headers that describe the answer which could not be given. */
const OF_THE_ANSWER = ['content-encoding', 'content-length', 'content-disposition', 'last-modified', 'etag'];

/** A route may have begun its answer before it failed: caches would keep the failure as long as the file. */
function forgetAnswer(reply: FastifyReply): void {
  for (const header of OF_THE_ANSWER) reply.removeHeader(header);
  // The answer 416 says with it how long the file is.
  if (reply.statusCode !== 416) reply.removeHeader('content-range');
  reply.header('cache-control', 'no-store');
}

function wantsPage(request: FastifyRequest, below: string): boolean {
  return !below.startsWith('/api/') && (request.headers.accept ?? '').includes('text/html');
}
