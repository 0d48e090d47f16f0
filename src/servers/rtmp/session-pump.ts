// Passes received bytes to the session in turns, so that a flooding peer gets its fair share of the event loop and no more.

import { ByteQueue } from '../../protocols/bytes/byte-queue.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { ServerSession } from '../../protocols/rtmp/server-session.js';
import type { SessionEvent } from '../../protocols/rtmp/session-event.js';
import type { Milliseconds } from '../../protocols/units.js';
import type { ReadGate } from './read-gate.js';
import type { Turns } from './turns.js';

/**
 * Bytes passed to the session at a time: it can hold 4096 of the smallest messages, which take milliseconds; a whole socket buffer of them
 * would take too long.
 */
const SLICE_BYTES = 4096;

export interface SessionPumpOptions {
  readonly domain: FailureDomain;
  readonly session: ServerSession;
  readonly gate: ReadGate;
  readonly turns: Turns;
  /** Maximum number of messages in a turn. */
  readonly messagesPerTurn: number;
  /** The same limit as a time: some messages, such as empty ones, take time without producing events, and some events are expensive. */
  readonly maxTurn: Milliseconds;
  readonly onEvent: (event: SessionEvent) => void;
  /** Called after each turn, because there may be something to send. */
  readonly onTurn: () => void;
}

export class SessionPump {
  readonly #options: SessionPumpOptions;
  /** Read from the socket and not yet started. The buffers are borrowed; the session copies media out of them once. */
  readonly #unread = new ByteQueue();
  /** The buffer that the session is being given. */
  #current: Buffer | undefined;
  /** Number of its bytes that the session has been given. */
  #fed = 0;
  #stopped = false;
  readonly #nextTurn: () => void;

  constructor(options: SessionPumpOptions) {
    this.#options = options;
    this.#nextTurn = options.domain.guard('rtmp turn', () => {
      if (this.#stopped) return;
      options.gate.resume('turn');
      this.run();
    });
  }

  /** @param bytes borrowed until `keepInput` */
  push(bytes: Buffer): void {
    if (!this.#stopped) this.#unread.push(bytes);
  }

  /** Copies the unprocessed rest of borrowed buffers, which are about to be overwritten. Usually nothing is left. */
  keepInput(): void {
    if (this.#stopped) return;
    if (this.#current !== undefined) this.#current = Buffer.from(this.#current.subarray(this.#fed));
    this.#fed = 0;
    this.#unread.keep();
    this.#options.session.keepInput();
  }

  /** Stops at once, even within the current turn, and releases the queue. */
  stop(): void {
    this.#stopped = true;
    this.#current = undefined;
    this.#fed = 0;
    while (this.#unread.length > 0) this.#unread.take();
  }

  /** Handles events until none are left, the turn is over, or an answer to the peer is pending. */
  run(): void {
    const { session, gate, turns, messagesPerTurn, maxTurn, onEvent, onTurn } = this.#options;
    if (turns.areUsedUp && !this.#stopped && !gate.has('access')) {
      this.#yield();
      return;
    }
    const began = performance.now();
    let messages = 0;
    while (!this.#stopped && !gate.has('access')) {
      const event = session.nextEvent();
      if (event !== undefined) {
        onEvent(event);
        messages++;
      } else if (!this.#feed()) break;
      if (messages >= messagesPerTurn || performance.now() - began >= maxTurn) {
        this.#yield();
        break;
      }
    }
    onTurn();
    turns.note(performance.now() - began);
  }

  /**
   * The peer has ended: handles everything that was read before, without regard to turns. That is at most one read, because a paused socket
   * delivers no more. Does nothing while an answer is pending.
   */
  finish(): void {
    const { session, gate, onEvent } = this.#options;
    while (!this.#stopped && !gate.has('access')) {
      const event = session.nextEvent();
      if (event !== undefined) onEvent(event);
      else if (!this.#feed()) return;
    }
  }

  #feed(): boolean {
    const bytes = this.#current ?? this.#unread.take();
    if (bytes === undefined) return false;
    const end = Math.min(bytes.length, this.#fed + SLICE_BYTES);
    const whole = this.#fed === 0 && end === bytes.length;
    this.#options.session.receive(whole ? bytes : bytes.subarray(this.#fed, end));
    const done = end === bytes.length;
    this.#current = done ? undefined : bytes;
    this.#fed = done ? 0 : end;
    return true;
  }

  #yield(): void {
    const { gate, turns } = this.#options;
    gate.pause('turn');
    turns.later(this.#nextTurn);
  }
}
