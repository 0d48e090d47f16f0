// A socket is read only while nobody objects: several parts of a connection may want it paused at the same time.

import type { Socket } from 'node:net';

/**
 * - `turn`: other connections get theirs.
 * - `access`: a publish request waits for its answer.
 * - `pace`: the publisher is ahead of the clock.
 */
export type PauseReason = 'turn' | 'access' | 'pace';

export class ReadGate {
  readonly #socket: Socket;
  readonly #onOpen: () => void;
  readonly #reasons = new Set<PauseReason>();

  /** @param onOpen called each time the socket is read again. */
  constructor(socket: Socket, onOpen: () => void) {
    this.#socket = socket;
    this.#onOpen = onOpen;
  }

  get isOpen(): boolean {
    return this.#reasons.size === 0;
  }

  has(reason: PauseReason): boolean {
    return this.#reasons.has(reason);
  }

  pause(reason: PauseReason): void {
    this.#reasons.add(reason);
    this.#socket.pause();
  }

  /** Reads again unless another reason is left. */
  resume(reason: PauseReason): void {
    if (this.#reasons.delete(reason) && this.isOpen) this.#open();
  }

  /** Reads again whatever the reasons were: what comes is thrown away. */
  openForGood(): void {
    this.#reasons.clear();
    this.#open();
  }

  #open(): void {
    this.#onOpen();
    this.#socket.resume();
  }
}
