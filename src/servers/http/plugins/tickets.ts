// Every route of a stream exists twice: below `/hls/`, and below `/hls/~TICKET/`. On ports of our own the ticket is taken out of the target
// before the router sees it; in another application the router finds it.

import type { FastifyInstance } from 'fastify';
import { carryTicket, TICKET_CHARACTERS, ticketOf } from '../delivery/target.js';
import { HttpProblem } from '../errors.js';
import { NOT_FOUND } from './errors.js';

/**
 * The root of routes, once alone and once with a ticket.
 * @param root `/hls` or `/dash`
 */
export function withTickets(root: string): readonly string[] {
  return [root, `${root}/:ticket(^~${TICKET_CHARACTERS}$)`];
}

/** Tells the gate the ticket in the path of a route. */
export function installTickets(app: FastifyInstance): void {
  app.addHook('preHandler', (request, _reply, done) => {
    const { params } = request;
    if (typeof params !== 'object' || params === null || !('ticket' in params)) return done();
    // A ticket was already taken out of the target, and that one counts.
    if (ticketOf(request.raw) !== undefined) return done(new HttpProblem(404, 'http.not-found', NOT_FOUND.message));
    carryTicket(request.raw, String(params.ticket));
    done();
  });
}
