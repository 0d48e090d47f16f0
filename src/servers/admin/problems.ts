// Turns every error into an answer `{code, message, details}`, without stack traces and without parts of the request.

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../../protocols/errors.js';
import type { LimitedLog } from '../http/limited-log.js';
import { maskedPath } from '../http/request-path.js';
import { addressOf } from './authentication.js';
import { AdminProblem } from './errors.js';

export interface ShownProblem {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details?: readonly string[] | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ProblemOptions {
  readonly log: Pick<LimitedLog, 'write'>;
  /** Number of refusals, by error code. */
  readonly refused: Map<string, number>;
  /** Whether this plugin answers requests for paths without a route. */
  readonly ownsNotFound: boolean;
  /** Called before the answer to an operator's request that is refused. Must not reject. */
  readonly onRefused: (request: FastifyRequest, problem: ShownProblem) => Promise<void>;
}

export function installProblems(app: FastifyInstance, options: ProblemOptions): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply, problem: ShownProblem, error?: Error) => {
    const { status, code } = problem;
    options.refused.set(code, (options.refused.get(code) ?? 0) + 1);
    const fields = { method: request.method, path: maskedPath(request.raw), code, status, address: addressOf(request) };
    if (status >= 500) options.log.write('error', { ...fields, err: error }, 'management request failed');
    else options.log.write('info', fields, 'management request refused');
    await options.onRefused(request, problem);
    return sendShown(reply, problem);
  };
  app.setErrorHandler((error: FastifyError, request, reply) => answer(request, reply, describeError(error), error));
  if (!options.ownsNotFound) return;
  app.setNotFoundHandler((request, reply) =>
    answer(request, reply, { status: 404, code: 'admin.not-found', message: 'no such address' }),
  );
}

export function sendShown(
  reply: FastifyReply,
  { status, code, message, details, headers = {} }: ShownProblem,
): FastifyReply {
  return reply
    .code(status)
    .headers(headers)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .serializer(String)
    .send(JSON.stringify({ code, message, ...(details !== undefined && { details }) }));
}

/** Errors of Fastify that a client can cause. */
const OF_FASTIFY: Readonly<Record<string, ShownProblem>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { status: 413, code: 'admin.body-too-large', message: 'the body is too long' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { status: 415, code: 'admin.media-type', message: 'expected application/json' },
  FST_ERR_MAX_PARAM_LENGTH: { status: 414, code: 'admin.bad-request', message: 'a name of the request is too long' },
};

export function describeError(error: FastifyError): ShownProblem {
  if (error instanceof AdminProblem) {
    const { statusCode: status, code, message, headers } = error;
    return { status, code, message, headers };
  }
  if (error.validation !== undefined) {
    // An unknown field is reported twice: by name, and by the schema `false`.
    const faults = error.validation.filter(({ keyword }) => keyword !== 'boolean');
    const details = faults.map(({ instancePath, message = '', params }) => {
      const unknown = params?.additionalProperties;
      const names = Array.isArray(unknown) ? ` (${unknown.map((name) => printable(String(name))).join(', ')})` : '';
      return `${error.validationContext ?? 'request'}${instancePath}: ${message}${names}`;
    });
    return { status: 400, code: 'admin.bad-request', message: 'the request is malformed', details };
  }
  const ofFastify = OF_FASTIFY[error.code];
  if (ofFastify !== undefined) return ofFastify;
  if (error instanceof SluiceError) {
    const status = error.kind === 'unavailable' ? 503 : 500;
    return { status, code: error.code, message: status === 503 ? error.message : 'internal error' };
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) return { status, code: 'admin.bad-request', message: 'the request is malformed' };
  return { status: 500, code: 'admin.internal', message: 'internal error' };
}

/** Shortens a name from a client and removes characters that could control a terminal. */
const printable = (name: string): string => name.slice(0, 64).replace(/[^\x20-\x7e]/g, '?');
