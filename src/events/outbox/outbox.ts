// Messages that must reach a server of the operator at least once, even if that server is down, or this process is killed. They are kept in memory
// and in a file, within a limit in bytes, until the server has accepted them.

import type { Logger } from '../../contracts/logger.js';
import type { Clock } from '../../protocols/clock.js';
import { FailureDomain } from '../../protocols/failure-domain.js';
import { systemReason } from '../../protocols/system-error.js';
import type { Milliseconds } from '../../protocols/units.js';
import { DeliveryLanes, type Outcome } from './delivery-lanes.js';
import { Journal } from './journal.js';
import { type OutboxLine, type OutboxMessage, readLine, writeLine } from './outbox-lines.js';

export interface OutboxOptions {
  /** In the state directory. Undefined: messages are kept only in memory. */
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
  /** Messages given up after a day, or because too many were waiting. */
  readonly dropped: number;
}

const MAX_BYTES = 16 * 1024 * 1024;
/** Bytes of memory, and of the file, per message in addition to its texts. */
const OVERHEAD = 200;
/** A message that was not accepted for this long is given up. */
const GIVE_UP_AFTER: Milliseconds = 86_400_000;
/** The file is rewritten when this many bytes of it belong to delivered or dropped messages. */
const MAX_GARBAGE = 1024 * 1024;
/** Pause after a failure of the disk. */
const WRITE_AGAIN_AFTER: Milliseconds = 10_000;
/** How long `close` waits for deliveries. The rest is sent after the next start. */
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
  /** Whether messages in memory are missing in the file. */
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

  /** Reads the messages that an earlier process has left, including promised ones, and begins to deliver them. An unreadable file does not reject. */
  static async open(options: OutboxOptions): Promise<Outbox> {
    const outbox = new Outbox(options);
    await outbox.#recover();
    return outbox;
  }

  get figures(): OutboxFigures {
    return { waiting: this.#waiting, delivered: this.#delivered, dropped: this.#dropped };
  }

  /**
   * Stores a message for the case that this process is killed before it pushes another one with the same id or withdraws it: the next process then
   * sends it.
   * @returns a promise that resolves when the message is in the file, or the file cannot be written. Never rejects
   */
  promise(message: OutboxMessage): Promise<void> {
    this.#keep(message, false);
    return this.#write({ type: 'promised', message });
  }

  /** Delivers a message, which replaces a promised one with its id. Does nothing if the same message is already waiting. */
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

  /** Waits a moment for deliveries. Call after the last `push`. Never rejects. */
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
      // The limit is generous: JSON escapes few characters of a line, and the file is at most half garbage.
      for (const text of await this.#journal.read(3 * maxBytes + MAX_GARBAGE)) this.#replay(text);
    } catch (error) {
      logger.warn(
        { code: 'events.outbox', path, err: error },
        `messages of an earlier process: ${systemReason(error)}`,
      );
    }
    const now = this.#clock.wallClock();
    for (const [id, { message, isDue }] of [...this.#kept]) {
      this.#forget(id);
      // A promised message becomes due only now, however long ago it was promised.
      this.#keep(isDue ? message : { ...message, at: now }, true);
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
    const outcome = await this.#post(message);
    if (outcome === 'over') {
      this.#delivered += 1;
      this.#forget(message.id);
      await this.#write({ type: 'over', id: message.id });
    } else if (this.#clock.wallClock() - message.at > GIVE_UP_AFTER) {
      // Only after an attempt: this process may have been off for longer than a day.
      this.#drop(message.id, 'the server did not accept it for a day');
    }
    return outcome;
  }

  async #post(message: OutboxMessage): Promise<Outcome> {
    const { post, logger } = this.#options;
    try {
      const status = await post(message);
      if (status >= 200 && status < 300) return 'over';
      logger.warn(
        { code: 'events.undelivered', status },
        'a server has not accepted a message, which will be sent again',
      );
      return UNAVAILABLE.includes(status) ? 'server is away' : 'message is refused';
    } catch (error) {
      logger.warn(
        { code: 'events.undelivered', err: error },
        'a server did not answer a message, which will be sent again',
      );
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

  /** The oldest message, either of those to send or of those only promised. */
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

  /** Runs work on the file. If it fails, messages are still delivered from memory. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { logger, path } = this.#options;
      if (this.#isBehind) return;
      this.#isBehind = true;
      logger.warn(
        { code: 'events.outbox', path, err: error },
        `messages are kept only in memory: ${systemReason(error)}`,
      );
      this.#clock.after(WRITE_AGAIN_AFTER, () => this.#domain.run('outbox file', () => this.#writeAgain()));
    }
  }

  async #writeAgain(): Promise<void> {
    try {
      await this.#replace();
    } catch {
      // Already logged at the first failure.
      this.#clock.after(WRITE_AGAIN_AFTER, () => this.#domain.run('outbox file', () => this.#writeAgain()));
    }
  }
}

/** Statuses that mean that the server, or a proxy before it, cannot accept requests at the moment. */
const UNAVAILABLE: readonly number[] = [429, 502, 503, 504];

const bytesOf = ({ id, lane, body }: OutboxMessage): number =>
  OVERHEAD + Buffer.byteLength(body) + 2 * (id.length + lane.length);
