// Ends the requests that wait for media when their viewer may not watch any more: otherwise one more part would be sent to it.

import type { FailureDomain } from '../../../protocols/failure-domain.js';
import type { Problem } from '../plugins/errors.js';
import type { Exchange } from './exchange.js';
import type { SharedCalls } from './shared-calls.js';
import { ticketOf } from './target.js';
import type { ViewerGate } from './viewer-gate.js';

export interface BannedWaitsOptions {
  readonly gate: ViewerGate;
  readonly calls: SharedCalls;
  /** Must not throw. */
  readonly refuse: (exchange: Exchange, problem: Problem) => void;
  readonly domain: FailureDomain;
}

export class BannedWaits {
  readonly #options: BannedWaitsOptions;
  readonly #stopListening: () => void;
  #isDue = false;

  constructor(options: BannedWaitsOptions) {
    this.#options = options;
    const look = options.domain.guard('banned viewers', () => this.#look());
    this.#stopListening = options.gate.onBanned(() => {
      if (this.#isDue) return;
      this.#isDue = true;
      // Several bans of one moment need one look.
      setImmediate(look);
    });
  }

  close(): void {
    this.#stopListening();
  }

  #look(): void {
    this.#isDue = false;
    const { gate, calls, refuse } = this.#options;
    const problems = new Map<Exchange, Problem>();
    const refused = calls.takeOut((exchange, target) => {
      const ticket = ticketOf(exchange.request) ?? exchange.ticket;
      if (ticket === undefined && !gate.isOpen) return false;
      const pass = gate.recheck(exchange.request, target, target.asked === 'manifest' ? 'dash' : 'hls', ticket);
      if (pass.allowed) return false;
      problems.set(exchange, pass.problem);
      return true;
    });
    for (const exchange of refused) {
      const problem = problems.get(exchange);
      if (problem !== undefined) refuse(exchange, problem);
    }
  }
}
