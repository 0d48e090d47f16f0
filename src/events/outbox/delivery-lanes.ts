// Delivers several messages at a time, but messages of one lane one after another. A message that is not accepted is sent again after growing pauses.

import type { Clock } from '../../protocols/clock.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';

/** `message is refused` stops only its own lane for a while; `server is away` stops all of them. */
export type Outcome = 'over' | 'message is refused' | 'server is away';

export interface DeliveryLanesOptions<Message> {
  readonly clock: Clock;
  readonly domain: FailureDomain;
  readonly laneOf: (message: Message) => string;
  readonly deliver: (message: Message) => Promise<Outcome>;
}

/** Maximum number of deliveries at the same time. */
const MAX_IN_FLIGHT = 8;
/** Pauses after the first failure, the second one, and so on. */
const PAUSES: readonly Milliseconds[] = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000];

interface Lane<Message> {
  readonly name: string;
  readonly queue: Message[];
  failures: number;
}

export class DeliveryLanes<Message> {
  readonly #options: DeliveryLanesOptions<Message>;
  readonly #lanes = new Map<string, Lane<Message>>();
  /** Lanes that may deliver, the one that has waited longest first. */
  readonly #ready = new Set<Lane<Message>>();
  #inFlight = 0;
  /** Number of consecutive failures of the server. */
  #failures = 0;
  #isPaused = false;
  #isClosed = false;
  #onDrained: (() => void) | undefined;

  constructor(options: DeliveryLanesOptions<Message>) {
    this.#options = options;
  }

  push(message: Message): void {
    const name = this.#options.laneOf(message);
    const lane = this.#lanes.get(name);
    if (lane !== undefined) {
      lane.queue.push(message);
      return;
    }
    const added: Lane<Message> = { name, queue: [message], failures: 0 };
    this.#lanes.set(name, added);
    this.#ready.add(added);
    this.#pump();
  }

  /** Waits until no delivery is in progress or due, but not longer than this. */
  async drained(within: Milliseconds): Promise<void> {
    if (this.#isIdle) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(within, resolve);
      this.#onDrained = () => {
        cancel();
        resolve();
      };
    });
  }

  /** Begins no further delivery. */
  close(): void {
    this.#isClosed = true;
  }

  get #isIdle(): boolean {
    return this.#inFlight === 0 && (this.#isPaused || this.#ready.size === 0);
  }

  #pump(): void {
    for (const lane of this.#ready) {
      if (this.#isPaused || this.#isClosed || this.#inFlight >= MAX_IN_FLIGHT) break;
      this.#ready.delete(lane);
      this.#inFlight += 1;
      this.#options.domain.run('outbox delivery', () => this.#deliverFirst(lane));
    }
    if (this.#isIdle) this.#onDrained?.();
  }

  async #deliverFirst(lane: Lane<Message>): Promise<void> {
    const [message] = lane.queue;
    // An internal error must not stop other lanes, and must stop this lane only for a while.
    let outcome: Outcome = 'message is refused';
    try {
      if (message !== undefined) outcome = await this.#options.deliver(message);
    } finally {
      this.#inFlight -= 1;
      if (outcome === 'over') this.#advance(lane);
      else if (outcome === 'server is away') this.#pause(lane);
      else this.#hold(lane);
      this.#pump();
    }
  }

  #advance(lane: Lane<Message>): void {
    this.#failures = 0;
    lane.failures = 0;
    lane.queue.shift();
    if (lane.queue.length > 0) this.#ready.add(lane);
    else this.#lanes.delete(lane.name);
  }

  #hold(lane: Lane<Message>): void {
    lane.failures += 1;
    this.#options.clock.after(pauseAfter(lane.failures), () => {
      this.#ready.add(lane);
      this.#pump();
    });
  }

  #pause(lane: Lane<Message>): void {
    this.#ready.add(lane);
    if (this.#isPaused) return;
    this.#failures += 1;
    this.#isPaused = true;
    this.#options.clock.after(pauseAfter(this.#failures), () => {
      this.#isPaused = false;
      this.#pump();
    });
  }
}

function pauseAfter(failures: number): Milliseconds {
  return PAUSES[Math.min(failures, PAUSES.length) - 1] ?? 0;
}
