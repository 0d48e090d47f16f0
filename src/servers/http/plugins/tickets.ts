// Routes of a stream exist twice: below `/hls/`, and below `/hls/~TICKET/`. On ports of our own the ticket is taken out of the target before
// the router sees it; in another application the router finds it.

import type { FastifyInstance } from 'fastify';
import { carryTicket } from '../delivery/target.js';

/** The root of routes, alone and with a ticket. @param root `/hls` or `/dash` */
export function withTickets(root: string): readonly string[] {
  return [root, `${root}/:ticket(^~[^/]{0,256}$)`];
}

/** Makes the ticket of a route known to the gate. */
export function installTickets(app: FastifyInstance): void {
  app.addHook('preHandler', (request, _reply, done) => {
    const { params } = request;
    if (typeof params === 'object' && params !== null && 'ticket' in params)
      carryTicket(request.raw, String(params.ticket));
    done();
  });
}
