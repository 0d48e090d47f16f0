// Routes of a stream exist twice: below `/hls/`, and below `/hls/~TICKET/`. On ports of our own the ticket is taken out of the target before
// the router sees it; in another application the router finds it.

import type { FastifyInstance } from 'fastify';
import { carryTicket, TICKET_CHARACTERS, ticketOf } from '../delivery/target.js';
import { HttpProblem } from '../errors.js';
import { NOT_FOUND } from './errors.js';

/** The root of routes, alone and with a ticket. @param root `/hls` or `/dash` */
export function withTickets(root: string): readonly string[] {
  return [root, `${root}/:ticket(^~${TICKET_CHARACTERS}$)`];
}

/** Makes the ticket of a route known to the gate. */
export function installTickets(app: FastifyInstance): void {
  app.addHook('preHandler', (request, _reply, done) => {
    const { params } = request;
    if (typeof params !== 'object' || params === null || !('ticket' in params)) return done();
    // The first one was taken out of the target, and is the one that counts.
    if (ticketOf(request.raw) !== undefined) return done(new HttpProblem(404, 'http.not-found', NOT_FOUND.message));
    carryTicket(request.raw, String(params.ticket));
    done();
  });
}
