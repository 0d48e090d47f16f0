// Feeds a session with what its socket received, in turns: a peer that floods gets its share of the event loop and no more.

import { ByteQueue } from '../../protocols/bytes/byte-queue.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { ServerSession } from '../../protocols/rtmp/server-session.js';
import type { SessionEvent } from '../../protocols/rtmp/session-event.js';
import type { Milliseconds } from '../../protocols/units.js';
import type { ReadGate } from './read-gate.js';
import type { Turns } from './turns.js';

/** Bytes given to the session at a time: 4096 of the smallest messages take milliseconds, a whole socket buffer of them would not. */
const SLICE_BYTES = 4096;

export interface SessionPumpOptions {
  readonly domain: FailureDomain;
  readonly session: ServerSession;
  readonly gate: ReadGate;
  readonly turns: Turns;
  /** Messages of a turn. */
  readonly messagesPerTurn: number;
  /** The same as a time: there are messages that are no events but work all the same, such as empty ones (C2.07), and dear events. */
  readonly maxTurn: Milliseconds;
  readonly onEvent: (event: SessionEvent) => void;
  /** After each turn: there may be something to send. */
  readonly onTurn: () => void;
}

export class SessionPump {
  readonly #options: SessionPumpOptions;
  /** Read from the socket and not yet begun. Borrowed buffers: the session copies media out of them, once. */
  readonly #unread = new ByteQueue();
  /** What the session is being fed with. */
  #current: Buffer | undefined;
  /** How much of it the session has. */
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

  /** @param bytes borrowed until `keepInput`. */
  push(bytes: Buffer): void {
    if (!this.#stopped) this.#unread.push(bytes);
  }

  /** What was pushed is about to change: what is left of it is copied. Mostly nothing is. */
  keepInput(): void {
    if (this.#stopped) return;
    if (this.#current !== undefined) this.#current = Buffer.from(this.#current.subarray(this.#fed));
    this.#fed = 0;
    this.#unread.keep();
    this.#options.session.keepInput();
  }

  /** Nothing more is handled, not even within the turn that is running; what waits is let go. */
  stop(): void {
    this.#stopped = true;
    this.#current = undefined;
    this.#fed = 0;
    while (this.#unread.length > 0) this.#unread.take();
  }

  /** Handles events until nothing is left, the turn is over, or somebody has to answer first (A4.17). */
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
   * The peer has ended: handles all that was read before, whatever the turn. That is one read at most, as a socket gives no more
   * while it is paused; and nothing while somebody has to answer first.
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
