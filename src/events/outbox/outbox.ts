// Messages that must reach a server of the operator at least once, also if that server is down, or this process is killed. They are kept in
// memory and in a file, within a bound in bytes, until the server has taken them.

import type { Logger } from '../../contracts/logger.js';
import type { Clock } from '../../protocols/clock.js';
import { FailureDomain } from '../../protocols/failure-domain.js';
import { systemReason } from '../../protocols/system-error.js';
import type { Milliseconds } from '../../protocols/units.js';
import { DeliveryLanes, type Outcome } from './delivery-lanes.js';
import { Journal } from './journal.js';
import { type OutboxLine, type OutboxMessage, readLine, writeLine } from './outbox-lines.js';

export interface OutboxOptions {
  /** In the state directory. Undefined: messages are kept in memory alone. */
  readonly path: string | undefined;
  /** Sends a message once. @returns the status of the answer. @throws if there is none */
  readonly post: (message: OutboxMessage) => Promise<number>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default 16 MiB. */
  readonly maxBytes?: number;
}

export interface OutboxFigures {
  /** Messages to send. */
  readonly waiting: number;
  readonly delivered: number;
  /** Given up after a day, or because too many were waiting. */
  readonly dropped: number;
}

const MAX_BYTES = 16 * 1024 * 1024;
/** Of memory and of the file, for each message besides its texts. */
const OVERHEAD = 200;
/** A message that nobody took for so long is given up. */
const GIVE_UP_AFTER: Milliseconds = 86_400_000;
/** The file is written again when this much of it is about messages that are over. */
const MAX_GARBAGE = 1024 * 1024;
/** After a failure of the disk. */
const WRITE_AGAIN_AFTER: Milliseconds = 10_000;
/** How long `close` waits for deliveries. What is left is sent after the next start. */
const LAST_DELIVERIES: Milliseconds = 300;

interface Kept {
  readonly message: OutboxMessage;
  isDue: boolean;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #domain: FailureDomain;
  readonly #clock: Clock;
  readonly #journal: Journal | undefined;
  readonly #lanes: DeliveryLanes<OutboxMessage>;
  /** By id, the oldest first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  #waiting = 0;
  #delivered = 0;
  #dropped = 0;
  /** The file does not have all that is kept. */
  #isBehind = false;

  private constructor(options: OutboxOptions) {
    const { path, clock, logger } = options;
    this.#options = options;
    this.#domain = new FailureDomain('outbox', ({ where, cause }) =>
      logger.error({ where, err: cause }, 'internal error: messages may be late'),
    );
    this.#clock = this.#domain.clock(clock);
    this.#journal = path === undefined ? undefined : new Journal(path);
    this.#lanes = new DeliveryLanes({
      clock: this.#clock,
      domain: this.#domain,
      laneOf: ({ lane }) => lane,
      deliver: (message) => this.#deliver(message),
    });
  }

  /** Reads what an earlier process has left, and begins to deliver it: promised messages as well. Never rejects for a file. */
  static async open(options: OutboxOptions): Promise<Outbox> {
    const outbox = new Outbox(options);
    await outbox.#recover();
    return outbox;
  }

  get figures(): OutboxFigures {
    return { waiting: this.#waiting, delivered: this.#delivered, dropped: this.#dropped };
  }

  /**
   * Keeps a message that is sent after the next start if this process is killed before it has pushed another one with that id, or has withdrawn
   * it.
   * @returns a promise that resolves when the file has it, or cannot be written. Never rejects
   */
  promise(message: OutboxMessage): Promise<void> {
    this.#keep(message, false);
    return this.#write({ type: 'promised', message });
  }

  /** Delivers a message, which replaces a promised one with its id. Does nothing if it was pushed before and is not delivered yet. */
  push(message: OutboxMessage): void {
    if (this.#kept.get(message.id)?.isDue === true) return;
    this.#keep(message, true);
    this.#domain.run('outbox file', () => this.#write({ type: 'due', message }));
    this.#lanes.push(message);
  }

  /** Withdraws a promised message. */
  withdraw(id: string): void {
    if (this.#kept.get(id)?.isDue !== false) return;
    this.#forget(id);
    this.#domain.run('outbox file', () => this.#write({ type: 'over', id }));
  }

  /** Waits a moment for deliveries. Call when nothing is pushed any more. Never rejects. */
  async close(): Promise<void> {
    await this.#lanes.drained(LAST_DELIVERIES);
    this.#lanes.close();
    await this.#attempt(async () => {
      const isAllOver = this.#kept.size === 0 && (this.#journal?.bytes ?? 0) > 0;
      if (this.#isBehind || isAllOver) await this.#replace();
      await this.#journal?.close();
    });
    this.#domain.close();
  }

  async #recover(): Promise<void> {
    const { maxBytes = MAX_BYTES, logger, path } = this.#options;
    if (this.#journal === undefined) return;
    try {
      // A line has few characters that JSON escapes, and the file at most as much garbage as messages.
      for (const text of await this.#journal.read(3 * maxBytes + MAX_GARBAGE)) this.#replay(text);
    } catch (error) {
      logger.warn(
        { code: 'events.outbox', path, err: error },
        `messages of an earlier process: ${systemReason(error)}`,
      );
    }
    for (const [id, { message }] of [...this.#kept]) {
      this.#forget(id);
      this.#keep(message, true);
    }
    if (this.#kept.size === 0 && this.#journal.bytes === 0) return;
    await this.#attempt(() => this.#replace());
    for (const { message } of this.#kept.values()) this.#lanes.push(message);
    if (this.#waiting > 0)
      logger.info({ path, messages: this.#waiting }, 'messages of an earlier process are delivered');
  }

  #replay(text: string): void {
    const line = readLine(text);
    if (line?.type === 'over') this.#forget(line.id);
    else if (line !== undefined) this.#keep(line.message, line.type === 'due');
  }

  async #deliver(message: OutboxMessage): Promise<Outcome> {
    if (!this.#kept.has(message.id)) return 'over';
    if (this.#clock.wallClock() - message.at > GIVE_UP_AFTER) {
      this.#drop(message.id, 'no server took it for a day');
      return 'over';
    }
    const outcome = await this.#post(message);
    if (outcome === 'over') {
      this.#delivered += 1;
      this.#forget(message.id);
      await this.#write({ type: 'over', id: message.id });
    }
    return outcome;
  }

  async #post(message: OutboxMessage): Promise<Outcome> {
    const { post, logger } = this.#options;
    try {
      const status = await post(message);
      if (status >= 200 && status < 300) return 'over';
      logger.warn({ code: 'events.undelivered', status }, 'a server has not taken a message, which is sent again');
      return UNAVAILABLE.includes(status) ? 'server is away' : 'message is refused';
    } catch (error) {
      logger.warn({ code: 'events.undelivered', err: error }, 'a server did not answer a message, which is sent again');
      return 'server is away';
    }
  }

  #keep(message: OutboxMessage, isDue: boolean): void {
    this.#forget(message.id);
    this.#kept.set(message.id, { message, isDue });
    this.#bytes += bytesOf(message);
    if (isDue) this.#waiting += 1;
    const { maxBytes = MAX_BYTES } = this.#options;
    while (this.#bytes > maxBytes) {
      const id = this.#oldest(false) ?? this.#oldest(true);
      if (id === undefined) return;
      this.#drop(id, 'too many messages are waiting');
    }
  }

  /** Of those that are due, or of those that are only promised. */
  #oldest(isDue: boolean): string | undefined {
    if (!isDue && this.#waiting === this.#kept.size) return undefined;
    for (const [id, kept] of this.#kept) if (kept.isDue === isDue) return id;
    return undefined;
  }

  #drop(id: string, why: string): void {
    if (this.#kept.get(id)?.isDue === true) {
      this.#dropped += 1;
      this.#options.logger.warn({ code: 'events.undelivered' }, `a message is given up: ${why}`);
    }
    this.#forget(id);
    this.#domain.run('outbox file', () => this.#write({ type: 'over', id }));
  }

  #forget(id: string): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    this.#kept.delete(id);
    this.#bytes -= bytesOf(kept.message);
    if (kept.isDue) this.#waiting -= 1;
  }

  async #write(line: OutboxLine): Promise<void> {
    const journal = this.#journal;
    if (journal === undefined || this.#isBehind) return;
    await this.#attempt(async () => {
      await journal.append(writeLine(line));
      if (journal.bytes > 2 * this.#bytes + MAX_GARBAGE) await this.#replace();
    });
  }

  async #replace(): Promise<void> {
    await this.#journal?.replace(() =>
      Array.from(this.#kept.values(), ({ message, isDue }) => writeLine({ type: isDue ? 'due' : 'promised', message })),
    );
    this.#isBehind = false;
  }

  /** A disk that fails keeps no message from being delivered. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { logger, path } = this.#options;
      if (this.#isBehind) return;
      this.#isBehind = true;
      logger.warn(
        { code: 'events.outbox', path, err: error },
        `messages are kept in memory alone: ${systemReason(error)}`,
      );
      this.#clock.after(WRITE_AGAIN_AFTER, () => this.#domain.run('outbox file', () => this.#writeAgain()));
    }
  }

  async #writeAgain(): Promise<void> {
    try {
      await this.#replace();
    } catch {
      // It was logged when it began.
      this.#clock.after(WRITE_AGAIN_AFTER, () => this.#domain.run('outbox file', () => this.#writeAgain()));
    }
  }
}

/** The server, or a proxy before it, cannot take anything at the moment. */
const UNAVAILABLE: readonly number[] = [429, 502, 503, 504];

const bytesOf = ({ id, lane, body }: OutboxMessage): number =>
  OVERHEAD + Buffer.byteLength(body) + 2 * (id.length + lane.length);
