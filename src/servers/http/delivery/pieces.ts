// Sends a body piece by piece, the next one when the client has taken the last: what a client that does not read makes us keep is
// one piece, not the body.

import type { StoredBody } from '../../../contracts/stored-body.js';
import { isSecure } from '../metering/connection-of.js';
import { type Exchange, isGone, type RawResponse } from './exchange.js';

/** A tenth of a second at 10 Mbit/s. Smaller pieces cost more reads, larger ones more memory for each slow reader. */
export const PIECE_BYTES = 128 * 1024;

/**
 * The bytes of `body` from `start` up to `end`. Resolves when the last one was handed over, or the client left.
 * @throws what reading the body throws; the caller then cuts the answer off
 */
export async function sendPieces(
  response: RawResponse,
  body: Buffer | StoredBody,
  start: number,
  end: number,
): Promise<void> {
  // A piece is read into the memory of the one before it, which has been sent.
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
 * Whether this connection encrypts all it is given at once, into memory of its own. A plain one keeps a view of the body, which
 * all readers of it share.
 */
export function copiesBodies({ request, response }: Exchange): boolean {
  return 'stream' in response || isSecure(request);
}

/** Resolves when the kernel has it, or the client has left. */
function written(response: RawResponse, piece: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('close', done);
      resolve();
    };
    response.on('close', done);
    // The two classes agree in this; only their types are strangers.
    (response as { write(piece: Buffer, written: () => void): void }).write(piece, done);
  });
}
