// Decides when the bytes of a peer are read and handled: in short turns, so that a peer that floods the server gets only its fair share of
// the event loop, and not at all while the peer waits for an answer or is ahead of the clock.

import type { Socket } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { ServerSession } from '../../protocols/rtmp/server-session.js';
import type { SessionEvent } from '../../protocols/rtmp/session-event.js';
import type { Milliseconds } from '../../protocols/units.js';

/** Time for all connections together in one pass of the event loop. */
const SHARE: Milliseconds = 20;
/** When this much time is used, the end of the pass is watched for. Below that it is not, so that quiet servers do not wake up for it. */
const WATCHED_FROM: Milliseconds = SHARE / 8;

/**
 * Fair scheduling for all connections of a server. A turn is short, but many peers that flood the server could each have one in every pass
 * of the event loop. Connections that find no time left get their turns in the order in which they asked.
 */
export class Turns {
  readonly #waiting = new Set<() => void>();
  #used: Milliseconds = 0;
  #passEnds: NodeJS.Immediate | undefined;

  /** Whether the time of this pass of the event loop is used up. */
  get areUsedUp(): boolean {
    return this.#used >= SHARE;
  }

  /** Notes that a turn took this long. */
  note(duration: Milliseconds): void {
    this.#used += duration;
    if (this.#used >= WATCHED_FROM) this.#awaitPass();
  }

  /** Runs `turn` in a later pass of the event loop. Asking several times before that counts once. */
  later(turn: () => void): void {
    this.#waiting.add(turn);
    this.#awaitPass();
  }

  #awaitPass(): void {
    this.#passEnds ??= setImmediate(() => this.#nextPass());
  }

  #nextPass(): void {
    this.#passEnds = undefined;
    this.#used = 0;
    // Connections that ask during this loop wait for the next pass.
    try {
      for (const turn of [...this.#waiting]) {
        if (this.areUsedUp) break;
        this.#waiting.delete(turn);
        turn();
      }
    } finally {
      if (this.#waiting.size > 0) this.#awaitPass();
    }
  }
}

/** Buffers that are freed at a time: one call costs less than many, and what waits for it is at most this many reads of 64 KiB. */
const FREED_AT_ONCE = 16;

/**
 * Frees the memory of what was read from sockets as soon as it is handled. Node allocates a buffer for each read, and V8 collects all garbage
 * after some 8 MB of new buffers, however little there is to collect. The memory of a buffer that is transferred leaves this side at once,
 * and a closed port delivers nothing, so it is freed without a collection.
 */
export class ReadMemory {
  readonly #exit = closedPort();
  #waiting: ArrayBuffer[] = [];

  /**
   * Frees the buffer, now or with one of the next; its length is then 0.
   * @param bytes as Node read them from a socket; nobody may hold a view of them. Views of larger buffers are left to the collector.
   */
  giveBack({ buffer, length }: Buffer): void {
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== length) return;
    this.#waiting.push(buffer);
    if (this.#waiting.length < FREED_AT_ONCE) return;
    const transferred = this.#waiting;
    this.#waiting = [];
    this.#exit.postMessage(undefined, transferred);
  }
}

function closedPort(): MessageChannel['port1'] {
  const { port1 } = new MessageChannel();
  port1.close();
  return port1;
}

/**
 * Why a socket is not read:
 * - `turn`: other connections get their turn.
 * - `access`: a request of the peer waits for its answer.
 * - `pace`: the publisher is ahead of the clock.
 */
export type PauseReason = 'turn' | 'access' | 'pace';

/**
 * Bytes passed to the session at a time. They hold up to 4096 of the smallest messages, which take milliseconds; a whole socket buffer of
 * those would take too long.
 */
const SLICE_BYTES = 4096;
const NOTHING = Buffer.alloc(0);

export interface SessionPumpOptions {
  readonly socket: Socket;
  readonly domain: FailureDomain;
  readonly session: ServerSession;
  readonly turns: Turns;
  readonly readMemory: ReadMemory;
  /** Maximum number of messages in a turn. */
  readonly messagesPerTurn: number;
  /** Maximum duration of a turn: some messages, such as empty ones, take time without producing events, and some events are expensive. */
  readonly maxTurn: Milliseconds;
  readonly onEvent: (event: SessionEvent) => void;
  /** Called after each turn, because there may be output to send. */
  readonly onTurn: () => void;
}

export class SessionPump {
  readonly #options: SessionPumpOptions;
  /** Why the socket is not read. Several parts of the connection may stop it at the same time. */
  readonly #pauses = new Set<PauseReason>();
  /** When the peer last sent something, or reading resumed. */
  #lastSign: Milliseconds = performance.now();
  /**
   * Bytes read from the socket, of which the session has got the first `#fed`. The buffer is borrowed: the session copies media out of it
   * once.
   */
  #input: Buffer = NOTHING;
  #fed = 0;
  #stopped = false;
  readonly #nextTurn: () => void;

  constructor(options: SessionPumpOptions) {
    this.#options = options;
    this.#nextTurn = options.domain.guard('rtmp turn', () => {
      if (this.#stopped) return;
      this.resume('turn');
      this.run();
    });
  }

  /** For how long the peer has sent nothing. Time during which its socket is not read does not count. */
  get idleFor(): Milliseconds {
    return this.#pauses.size === 0 ? performance.now() - this.#lastSign : 0;
  }

  isPausedFor(reason: PauseReason): boolean {
    return this.#pauses.has(reason);
  }

  pause(reason: PauseReason): void {
    this.#pauses.add(reason);
    this.#options.socket.pause();
  }

  /** Reads the socket again, unless another reason to pause remains. */
  resume(reason: PauseReason): void {
    if (this.#pauses.delete(reason) && this.#pauses.size === 0) this.#read();
  }

  /** Reads the socket again, whatever the reason for its pause was, because the input is discarded from now on. */
  discardInput(): void {
    this.#pauses.clear();
    this.#read();
  }

  /**
   * Takes bytes from the socket, and handles as many of them as a turn allows.
   * @param bytes freed after the call, so nobody else may use them
   */
  receive(bytes: Buffer): void {
    if (this.#stopped) return;
    this.#lastSign = performance.now();
    // Input is left over only while the socket is paused, and then nothing is received. If it did happen, nothing would be lost.
    this.#input = this.#isFed() ? bytes : Buffer.concat([this.#input.subarray(this.#fed), bytes]);
    this.#fed = 0;
    this.run();
    // A session that was stopped in the middle may still refer to them.
    if (this.#stopped) return;
    this.#keepInput();
    this.#options.readMemory.giveBack(bytes);
  }

  /** Stops at once, even in the middle of a turn, and releases the queue. */
  stop(): void {
    this.#stopped = true;
    this.#input = NOTHING;
    this.#fed = 0;
  }

  /** Handles events until none are left, the turn is over, or the peer must wait for an answer. */
  run(): void {
    const { session, turns, messagesPerTurn, maxTurn, onEvent, onTurn } = this.#options;
    if (turns.areUsedUp && !this.#stopped && !this.#pauses.has('access')) {
      this.#yield();
      return;
    }
    const began = performance.now();
    let messages = 0;
    while (!this.#stopped && !this.#pauses.has('access')) {
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
   * The peer has hung up: handles everything that was read before, without turns. That is at most one read, because a paused socket
   * delivers no more. Does nothing while an answer is pending.
   */
  finish(): void {
    const { session, onEvent } = this.#options;
    while (!this.#stopped && !this.#pauses.has('access')) {
      const event = session.nextEvent();
      if (event !== undefined) onEvent(event);
      else if (!this.#feed()) return;
    }
  }

  /** Copies the unhandled end of a borrowed buffer. Usually nothing is left. */
  #keepInput(): void {
    this.#input = this.#isFed() ? NOTHING : Buffer.from(this.#input.subarray(this.#fed));
    this.#fed = 0;
    this.#options.session.keepInput();
  }

  #read(): void {
    this.#lastSign = performance.now();
    this.#options.socket.resume();
  }

  /** A method, because V8 reads a private getter through a slow call. */
  #isFed(): boolean {
    return this.#fed === this.#input.length;
  }

  /** Gives the session the next slice. @returns false if there is none */
  #feed(): boolean {
    if (this.#isFed()) return false;
    const bytes = this.#input;
    const begin = this.#fed;
    this.#fed = Math.min(bytes.length, begin + SLICE_BYTES);
    const isWhole = begin === 0 && this.#fed === bytes.length;
    this.#options.session.receive(isWhole ? bytes : bytes.subarray(begin, this.#fed));
    return true;
  }

  #yield(): void {
    this.pause('turn');
    this.#options.turns.later(this.#nextTurn);
  }
}
