// Sends a body in pieces, each one when the kernel has taken the previous one (backpressure). So a client that does not read makes us hold
// one piece, not the whole body.

import type { StoredBody } from '../../../contracts/stored-body.js';
import { isSecure } from '../metering/connections.js';
import { type Exchange, isGone, type RawResponse } from './exchange.js';

/** 0.1 s at 10 Mbit/s. Smaller pieces need more reads; larger ones take more memory per slow reader. */
export const PIECE_BYTES = 128 * 1024;

/**
 * Sends the bytes of `body` from `start` up to `end`. Resolves when the last has been written, or when the client has left.
 * @throws the error of reading the body; the caller must then cut the answer off
 */
export async function sendPieces(
  response: RawResponse,
  body: Buffer | StoredBody,
  start: number,
  end: number,
): Promise<void> {
  // All pieces are read into the same memory, because the previous one has always been sent by then.
  const memory = Buffer.isBuffer(body) ? undefined : Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, end - start));
  for (let at = start; at < end; at += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, end - at);
    const piece = memory?.subarray(0, length) ?? (body as Buffer).subarray(at, at + length);
    if (!Buffer.isBuffer(body)) await body.read(at, piece);
    if (isGone(response)) return;
    await written(response, piece);
    if (isGone(response)) return;
  }
  response.end();
}

/**
 * Whether writing a body copies it. TLS encrypts everything that is written at once, into memory of the connection. A plain connection
 * keeps a view of the body, which all its readers share.
 */
export function copiesBodies({ request, response }: Exchange): boolean {
  return 'stream' in response || isSecure(request);
}

/** Resolves when the kernel has taken the piece, or when the client has left. */
function written(response: RawResponse, piece: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('close', done);
      resolve();
    };
    response.on('close', done);
    // Both classes have this method, but with different types.
    (response as { write(piece: Buffer, written: () => void): void }).write(piece, done);
  });
}
