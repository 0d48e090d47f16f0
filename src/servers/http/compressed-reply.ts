// Sends text that is made for one request: compressed where that saves something, with a validator where it may be kept.

import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { chooseCoding } from './delivery/content-coding.js';
import { matchesEntityTag } from './entity-tag.js';

/** Below this the headers weigh more than what is saved. */
const MIN_COMPRESSED_BYTES = 512;

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

/** The caller has set type and Cache-Control. `no-store` gets no validator: there is nothing to compare it with. */
export async function sendCompressed(
  request: FastifyRequest,
  reply: FastifyReply,
  text: string,
): Promise<FastifyReply> {
  const coding = text.length < MIN_COMPRESSED_BYTES ? 'identity' : chooseCoding(request.headers['accept-encoding']);
  reply.header('vary', 'Accept-Encoding');
  if (reply.getHeader('cache-control') !== 'no-store') {
    const entityTag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
    // Weak: the same version has one tag in every coding.
    reply.header('etag', `W/${entityTag}`);
    if (matchesEntityTag(request.headers['if-none-match'], entityTag)) return reply.code(304).send();
  }
  if (coding === 'identity') return reply.send(text);
  reply.header('content-encoding', coding);
  if (coding === 'gzip') return reply.send(await gzipAsync(text));
  return reply.send(await brotliAsync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }));
}
