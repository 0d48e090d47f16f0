// Asks whether a viewer may get a protected target. Viewers prove it with a token at the entries of a stream, and with a ticket in the path
// everywhere.

import type { FastifyBaseLogger } from 'fastify';
import type { StreamName, ViewerAccess } from '../../../contracts/access.js';
import type { SluiceError } from '../../../protocols/errors.js';
import type { FailureDomain } from '../../../protocols/failure-domain.js';
import { LimitedLog } from '../limited-log.js';
import type { Problem } from '../plugins/errors.js';
import type { RawRequest } from './exchange.js';
import { ticketOf } from './target.js';

/** A problem has status 401 if the request had no proof at all, 403 if its proof does not suffice. */
export type GateDecision =
  /** `ticket`: the request came with a token, and its answer must lead to the path with this ticket. */
  { readonly allowed: true; readonly ticket?: string } | { readonly allowed: false; readonly problem: Problem };

const BEARER = /^Bearer +(\S+)$/i;

export class ViewerGate {
  readonly #access: ViewerAccess;
  readonly #log: LimitedLog;
  readonly #refused = new Map<string, number>();

  /** @param domain runs the timers of the log */
  constructor(
    access: ViewerAccess,
    domain: FailureDomain,
    logger: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'> | undefined,
  ) {
    this.#access = access;
    this.#log = new LimitedLog(logger, domain);
  }

  /**
   * Whether this request may be answered.
   * @param isEntry whether a token is accepted too: where a viewer comes first, before it can have a ticket
   */
  authorize(request: RawRequest, stream: StreamName, isEntry: boolean): GateDecision {
    const ticket = ticketOf(request);
    if (ticket !== undefined) {
      const decision = this.#access.checkTicket(stream, ticket);
      return decision.allowed ? decision : this.#refusal(stream, decision.error);
    }
    // Elsewhere a token is ignored: it would be checked for each part, and appear in every log on the way.
    const entry = this.#access.exchangeToken(stream, isEntry ? tokenOf(request) : undefined);
    return entry.allowed ? { allowed: true, ticket: entry.ticket } : this.#refusal(stream, entry.error);
  }

  /** Refused requests since the start, by the code of the error. */
  get refused(): ReadonlyMap<string, number> {
    return this.#refused;
  }

  close(): void {
    this.#log.close();
  }

  #refusal({ app, name }: StreamName, { code, message }: SluiceError): GateDecision {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
    this.#log.write('info', { app, name, code }, 'a viewer was refused');
    return { allowed: false, problem: { status: code === 'access.play-required' ? 401 : 403, code, message } };
  }
}

/** `Authorization: Bearer TOKEN`, or `?token=TOKEN`. */
function tokenOf({ headers, url = '' }: RawRequest): string | undefined {
  const bearer = BEARER.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const query = url.indexOf('?');
  return query === -1 ? undefined : (new URLSearchParams(url.slice(query)).get('token') ?? undefined);
}
