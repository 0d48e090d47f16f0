// Asks whether a viewer may get a protected target. Viewers prove it with a token at the entries of a stream, and with a ticket in the path
// everywhere.

import type { FastifyBaseLogger } from 'fastify';
import type { EntryDecision, StreamName, ViewerAccess, ViewerRequest } from '../../../contracts/access.js';
import type { GrantProtocol } from '../../../contracts/grant.js';
import { SluiceError } from '../../../protocols/errors.js';
import type { FailureDomain } from '../../../protocols/failure-domain.js';
import type { ClientAddresses } from '../client-address.js';
import { httpError } from '../errors.js';
import { LimitedLog } from '../limited-log.js';
import { peerAddress } from '../metering/connections.js';
import type { Problem } from '../plugins/errors.js';
import type { Edges } from './edges.js';
import { header, type RawRequest } from './exchange.js';
import { ticketOf } from './target.js';

/**
 * A problem has status 401 if there was no proof at all, 403 if there was one that does not suffice, 429 if too many watch already, 503 if
 * it could not be decided.
 */
export type GateDecision =
  /** `ticket`: the request came with a token, and its answer must lead to the path with this ticket. */
  | { readonly allowed: true; readonly ticket?: string | undefined; readonly maxHeight?: number | undefined }
  | { readonly allowed: false; readonly problem: Problem };

export interface GateOptions {
  readonly access: ViewerAccess;
  readonly addresses: ClientAddresses;
  /** Undefined if no edge has a secret. */
  readonly edges?: Edges | undefined;
  /** Runs the timers of the log. */
  readonly domain: FailureDomain;
  readonly logger: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'> | undefined;
}

const ALLOWED: GateDecision = { allowed: true };
const BEARER = /^Bearer +(\S+)$/i;

export class ViewerGate {
  readonly #options: GateOptions;
  readonly #log: LimitedLog;
  readonly #refused = new Map<string, number>();

  constructor(options: GateOptions) {
    this.#options = options;
    this.#log = new LimitedLog(options.logger, options.domain);
  }

  /**
   * Whether this request may be answered. Only at an entry the answer may be a promise, which is never rejected.
   * @param isEntry whether a token is accepted too: where a viewer comes first, before it can have a ticket
   */
  authorize(
    request: RawRequest,
    { app, name }: StreamName,
    protocol: GrantProtocol,
    isEntry: boolean,
  ): GateDecision | Promise<GateDecision> {
    const { access, edges } = this.#options;
    if (edges === undefined && access.refusesNobody === true) return ALLOWED;
    const viewer = this.#viewerOf(request, { app, name }, protocol);
    const ticket = ticketOf(request);
    const word = edges?.wordOf(request) ?? 'none';
    if (word === 'none' && edges?.only === true) return this.#judge(viewer, { allowed: false, error: notFromEdge() });
    // The answer is for all viewers of the edge, so whose request brought it does not matter here.
    if (word === 'checked-ticket' && ticket === undefined && !isEntry) return { allowed: true };
    if (ticket !== undefined || !isEntry) return this.#judge(viewer, access.checkTicket(viewer, ticket));
    // Elsewhere a token is ignored: it would be checked for each part, and appear in every log on the way.
    const entry = access.enter(viewer, tokenOf(request));
    return entry instanceof Promise ? this.#judgeLater(viewer, entry) : this.#judge(viewer, entry);
  }

  /** Whether a request that was allowed and waits may still be answered. @param ticket identifies its viewer; undefined if viewers need none */
  recheck(request: RawRequest, stream: StreamName, protocol: GrantProtocol, ticket: string | undefined): GateDecision {
    return this.#judge(stream, this.#options.access.checkTicket(this.#viewerOf(request, stream, protocol), ticket));
  }

  /** Whether viewers need no ticket. */
  get isOpen(): boolean {
    return this.#options.access.isOpen === true;
  }

  /** See `ViewerAccess.onBanned`. */
  onBanned(listener: () => void): () => void {
    return this.#options.access.onBanned?.(listener) ?? (() => undefined);
  }

  async #judgeLater(stream: StreamName, decision: Promise<EntryDecision>): Promise<GateDecision> {
    return this.#judge(stream, await decision);
  }

  /** Refused requests since the start, by the code of the error. */
  get refused(): ReadonlyMap<string, number> {
    return this.#refused;
  }

  close(): void {
    this.#log.close();
  }

  #judge({ app, name }: StreamName, decision: EntryDecision): GateDecision {
    if (decision.allowed) return decision;
    const { code, kind, message, cause } = decision.error;
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
    const truth = cause instanceof SluiceError ? { cause: cause.code } : {};
    this.#log.write('info', { app, name, code, ...truth }, 'a viewer was refused');
    return { allowed: false, problem: { status: statusOf(code, kind), code, message } };
  }

  #viewerOf(request: RawRequest, { app, name }: StreamName, protocol: GrantProtocol): ViewerRequest {
    const userAgent = header(request, 'user-agent');
    return { app, name, protocol, remoteAddress: this.#addressOf(request), userAgent };
  }

  #addressOf(request: RawRequest): string | undefined {
    const forwarded = request.headers['x-forwarded-for'];
    return this.#options.addresses.of(peerAddress(request), Array.isArray(forwarded) ? forwarded.join(',') : forwarded);
  }
}

function notFromEdge(): SluiceError {
  return httpError('http.edge-only', 'media is given to edges alone: ask the address of the edge');
}

function statusOf(code: string, kind: SluiceError['kind']): number {
  if (code === 'access.play-required') return 401;
  if (kind === 'limit') return 429;
  return kind === 'unavailable' ? 503 : 403;
}

/** `Authorization: Bearer TOKEN`, `?token=TOKEN` or `?jwt=TOKEN`. */
function tokenOf({ headers, url = '' }: RawRequest): string | undefined {
  const bearer = BEARER.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const query = url.indexOf('?');
  if (query === -1) return undefined;
  const parameters = new URLSearchParams(url.slice(query));
  return parameters.get('token') ?? parameters.get('jwt') ?? undefined;
}
