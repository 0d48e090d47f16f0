// Applies the limits on unread answers to answers that Fastify sends, such as pages, lists and metrics.

import type { FastifyInstance, FastifyReply } from 'fastify';
import type { FailureDomain } from '../../../protocols/failure-domain.js';
import type { Delivery } from '../delivery/delivery.js';
import { isGone, unreadBytes } from '../delivery/exchange.js';

/** Memory of a stream that reads a file: the `highWaterMark` of `fs.createReadStream`. */
const STREAM_BYTES = 64 * 1024;

export function installUnreadAnswers(app: FastifyInstance, delivery: Delivery, domain: FailureDomain): void {
  const watch = domain.guard('unread answer', watchUnread);
  app.addHook('onSend', (request, reply, payload, done) => {
    // Fastify writes the payload in this pass of the event loop. After it, most answers have been sent completely.
    if (payload !== null && payload !== undefined && request.method !== 'HEAD') setImmediate(watch, reply, payload);
    done(null, payload);
  });

  function watchUnread({ raw, request }: FastifyReply, payload: unknown): void {
    if (raw.writableFinished || isGone(raw)) return;
    // These answers have no end, and bound what waits for their reader themselves (routes/event-readers.ts).
    if (String(raw.getHeader('content-type')).startsWith('text/event-stream')) return;
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) {
      const length = Number(raw.getHeader('content-length') ?? STREAM_BYTES);
      delivery.watchUnread(request.raw, raw, length, { own: STREAM_BYTES });
    } else if (unreadBytes(raw) > 0) {
      const memory = typeof payload === 'string' ? { own: payload.length } : { shared: payload };
      delivery.watchUnread(request.raw, raw, payload.length, memory);
    }
  }
}
