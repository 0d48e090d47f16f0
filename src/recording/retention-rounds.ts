// Removes expired recordings: regularly, and when a recording is finished or the disk is full.

import type { Logger } from '../contracts/logger.js';
import type { Clock } from '../protocols/clock.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import { systemCode, systemReason } from '../protocols/system-error.js';
import type { Milliseconds } from '../protocols/units.js';
import type { Catalogue, CatalogueEntry } from './catalogue.js';
import { expired, type RetentionRules } from './retention.js';

export interface RetentionRoundsOptions {
  readonly rules: RetentionRules;
  readonly catalogue: Catalogue;
  /** Directory of the recordings. */
  readonly root: string;
  /** Bytes that must stay free on the disk; 0: no minimum. */
  readonly keepFree: number;
  /** Free bytes on the disk of a directory. */
  readonly freeBytes: (directory: string) => Promise<number>;
  /** Finishes recordings whose end could not be written before. */
  readonly finishLeft: () => Promise<void>;
  /** Removes a recording, unless it was pinned or removed since it was chosen. */
  readonly remove: (id: string) => Promise<void>;
  readonly clock: Clock;
  readonly domain: FailureDomain;
  readonly logger: Logger;
}

const INTERVAL: Milliseconds = 60_000;

export class RetentionRounds {
  readonly #options: RetentionRoundsOptions;
  #running: Promise<void> | undefined;
  #isStarted = false;
  /** A round was asked for before `start`. */
  #isDue = false;
  #closed = false;

  constructor(options: RetentionRoundsOptions) {
    this.#options = options;
  }

  /** Starts the regular rounds. All recordings must be in the catalogue: the oldest must be known, so that no newer one is removed instead. */
  start(): void {
    this.#isStarted = true;
    if (this.#isDue) this.now();
    this.#next();
  }

  #next(): void {
    this.#options.clock.after(INTERVAL, () => {
      this.now();
      this.#next();
    });
  }

  /** Starts a round, unless one is running. Before `start` it is put off. */
  now(): void {
    this.#isDue = !this.#isStarted;
    if (this.#isDue || this.#running !== undefined || this.#closed) return;
    const { domain, logger } = this.#options;
    this.#running = domain.settled('retention', async () => {
      try {
        await this.#options.finishLeft();
        await this.#removeExpired();
      } catch (cause) {
        if (systemCode(cause) === undefined) throw cause;
        const message = `the free space of the disk is unknown (${systemReason(cause)})`;
        logger.warn({ code: 'recording.disk', err: cause }, message);
      } finally {
        this.#running = undefined;
      }
    });
  }

  /** Waits for the round that is running. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #removeExpired(): Promise<void> {
    const { catalogue, rules, clock, logger } = this.#options;
    const { count, bytes } = catalogue.totals();
    if (count === 0) return;
    let missing = await this.#missing();
    const { keepFor, keepCount, keepStreamBytes, keepBytes = bytes } = rules;
    const needsEach = keepFor !== undefined || keepCount !== undefined || keepStreamBytes !== undefined;
    // Without such rules the totals say that nothing has to go, and it costs nothing to keep very many.
    if (!needsEach && missing === 0 && bytes <= keepBytes) return;
    const failed = new Map<string, unknown>();
    let isEnough: boolean;
    do {
      const entries = [...catalogue.entries()].map((entry) => (failed.has(entry.facts.id) ? kept(entry) : entry));
      isEnough = true;
      for (const { facts } of expired(entries, rules, clock.wallClock(), missing)) {
        const failure = await this.#removed(facts.id);
        if (failure === undefined) missing -= facts.bytes;
        else failed.set(facts.id, failure);
        // Others must go instead of those that cannot be removed.
        isEnough &&= failure === undefined;
      }
    } while (!isEnough);
    const [first] = failed;
    if (first === undefined) return;
    const [recording, err] = first;
    const many = failed.size === 1 ? 'a recording cannot be removed' : `${failed.size} recordings cannot be removed`;
    logger.warn({ code: 'recording.disk', recording, err }, `${many} (${systemReason(err)})`);
  }

  /** @returns the system error if it cannot be removed */
  async #removed(id: string): Promise<unknown> {
    try {
      await this.#options.remove(id);
      return undefined;
    } catch (cause) {
      if (systemCode(cause) === undefined) throw cause;
      return cause;
    }
  }

  /** Bytes that must be freed so that `keepFree` holds. */
  async #missing(): Promise<number> {
    const { root, keepFree, freeBytes } = this.#options;
    return keepFree === 0 ? 0 : Math.max(0, keepFree - (await freeBytes(root)));
  }
}

/** The entry of a recording that could not be removed: its bytes count, and it is not chosen again. */
function kept(entry: CatalogueEntry): CatalogueEntry {
  return { ...entry, facts: { ...entry.facts, pinned: true } };
}
