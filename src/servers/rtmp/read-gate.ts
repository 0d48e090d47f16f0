// Reads a socket only while no part of the connection wants it paused; several may want that at the same time.

import type { Socket } from 'node:net';

/**
 * - `turn`: other connections get their turn.
 * - `access`: a publish request waits for its answer.
 * - `pace`: the publisher is ahead of the clock.
 */
export type PauseReason = 'turn' | 'access' | 'pace';

export class ReadGate {
  readonly #socket: Socket;
  readonly #onOpen: () => void;
  readonly #reasons = new Set<PauseReason>();

  /** @param onOpen called each time reading resumes */
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

  /** Resumes reading unless another reason remains. */
  resume(reason: PauseReason): void {
    if (this.#reasons.delete(reason) && this.isOpen) this.#open();
  }

  /** Resumes reading whatever the reasons were, because the input is discarded from now on. */
  openForGood(): void {
    this.#reasons.clear();
    this.#open();
  }

  #open(): void {
    this.#onOpen();
    this.#socket.resume();
  }
}
