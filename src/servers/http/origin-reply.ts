// Turns an answer of the origin into status, headers and body: the one place that knows HTTP about media.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { assertNever } from '../../protocols/errors.js';
import type { Seconds } from '../../protocols/units.js';
import { cacheControl } from './cache-control.js';
import type { OriginAnswer, OriginAnswerKind } from './dependencies.js';
import { sendTextProblem } from './plugins/errors.js';
import { readRange } from './range.js';

/** RFC 8216 section 4 for playlists, ISO/IEC 23000-19 and RFC 9317 practice for CMAF. */
function contentType(kind: OriginAnswerKind): string {
  switch (kind) {
    case 'multivariant':
    case 'media-playlist':
      return 'application/vnd.apple.mpegurl';
    case 'init':
      return 'video/mp4';
    case 'segment':
    case 'part':
      return 'video/iso.segment';
    default:
      return assertNever(kind);
  }
}

function isPlaylist(kind: OriginAnswerKind): boolean {
  return kind === 'multivariant' || kind === 'media-playlist';
}

/**
 * @param asked what the request was for, which decides how long a failure may be cached
 * @param fallbackTargetDuration for media whose origin names none; a failure without one is of a stream that is not there
 */
export function sendOriginAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: OriginAnswer,
  asked: OriginAnswerKind,
  fallbackTargetDuration: Seconds,
): FastifyReply {
  const { targetDuration = answer.status === 200 ? fallbackTargetDuration : undefined } = answer;
  const blocking = answer.blocking ?? false;
  const kind = answer.status === 200 ? answer.kind : asked;
  reply.header('cache-control', cacheControl({ status: answer.status, kind, blocking, targetDuration }));
  if (answer.status !== 200) {
    const { code, message } = answer.error;
    return sendTextProblem(reply, { status: answer.status, code, message });
  }
  reply.type(contentType(kind)).header('accept-ranges', isPlaylist(kind) ? 'none' : 'bytes');
  if (answer.entityTag !== undefined) {
    reply.header('etag', answer.entityTag);
    if (matchesEntityTag(request.headers['if-none-match'], answer.entityTag)) return reply.code(304).send();
  }
  return isPlaylist(kind) ? reply.send(answer.body) : sendBytes(request, reply, answer.body);
}

function sendBytes(request: FastifyRequest, reply: FastifyReply, body: Buffer): FastifyReply {
  const range = readRange(request.headers.range, body.length);
  switch (range.type) {
    case 'whole':
      return reply.send(body);
    case 'slice':
      return reply
        .code(206)
        .header('content-range', `bytes ${range.first}-${range.last}/${body.length}`)
        .send(body.subarray(range.first, range.last + 1));
    case 'unsatisfiable':
      return reply
        .code(416)
        .header('content-range', `bytes */${body.length}`)
        .header('cache-control', 'no-store')
        .type('text/plain; charset=utf-8')
        .send('range not satisfiable\n');
    default:
      return assertNever(range);
  }
}

/** If-None-Match compares weakly, RFC 9110 section 13.1.2. */
function matchesEntityTag(header: string | undefined, entityTag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((candidate) => {
    const tag = candidate.trim();
    return tag === '*' || tag.replace(/^W\//, '') === entityTag.replace(/^W\//, '');
  });
}
