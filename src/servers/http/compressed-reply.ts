// Sends text that is made for one request: compressed if that saves bytes, and with a validator (ETag) if caches may keep it.

import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { chooseCoding, matchesEntityTag } from './negotiation.js';

/** Compressing anything shorter saves less than the additional headers cost. */
const MIN_COMPRESSED_BYTES = 512;

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

/** Set the type and Cache-Control first. With `no-store` no validator is sent, because nobody keeps a copy to compare with it. */
export async function sendCompressed(
  request: FastifyRequest,
  reply: FastifyReply,
  text: string,
): Promise<FastifyReply> {
  const coding = text.length < MIN_COMPRESSED_BYTES ? 'identity' : chooseCoding(request.headers['accept-encoding']);
  reply.header('vary', 'Accept-Encoding');
  if (reply.getHeader('cache-control') !== 'no-store') {
    const entityTag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
    // Weak, because all codings of a version have the same tag.
    reply.header('etag', `W/${entityTag}`);
    if (matchesEntityTag(request.headers['if-none-match'], entityTag)) return reply.code(304).send();
  }
  if (coding === 'identity') return reply.send(text);
  reply.header('content-encoding', coding);
  if (coding === 'gzip') return reply.send(await gzipAsync(text));
  return reply.send(await brotliAsync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }));
}
