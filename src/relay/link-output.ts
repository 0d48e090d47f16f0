// The output of one connection. It passes only small pieces to the socket, so that the sending rate can be measured, and so that little data is
// queued there, where it can no longer be dropped.

import type { Socket } from 'node:net';
import type { Clock } from '../protocols/clock.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import type { Milliseconds } from '../protocols/units.js';

/** Limit of the bytes queued in the socket. */
const SOCKET_BYTES = 128 * 1024;

export interface LinkOutputOptions {
  readonly domain: FailureDomain;
  readonly clock: Pick<Clock, 'now'>;
  /** Called when the socket has sent data and can take more. */
  readonly onRoom: () => void;
}

export class LinkOutput {
  readonly #socket: Socket;
  readonly #options: LinkOutputOptions;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #ended = false;
  #lastProgress: Milliseconds;
  readonly #written: (error?: Error | null) => void;

  constructor(socket: Socket, options: LinkOutputOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#lastProgress = options.clock.now();
    this.#written = options.domain.guard('relay written', (error?: Error | null) => {
      if (!error) this.#progressed();
    });
  }

  /** Bytes that have left the socket. */
  get bytesSent(): number {
    return Math.max(0, this.#socket.bytesWritten - this.#socket.writableLength);
  }

  get isFull(): boolean {
    return this.#socket.writableLength + this.#pendingBytes >= SOCKET_BYTES;
  }

  /** For how long the socket has sent nothing although data is waiting. */
  get stalledFor(): Milliseconds {
    const waits = this.#socket.writableLength + this.#pendingBytes > 0;
    return waits ? this.#options.clock.now() - this.#lastProgress : 0;
  }

  add(pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      this.#pending.push(piece);
      this.#pendingBytes += piece.length;
    }
  }

  write(): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.connecting || this.#ended || this.#pending.length === 0) return;
    if (socket.writableLength === 0) this.#lastProgress = this.#options.clock.now();
    let room = SOCKET_BYTES - socket.writableLength;
    let count = 0;
    while (room > 0 && count < this.#pending.length) {
      room -= this.#pending[count]?.length ?? 0;
      count += 1;
    }
    this.#give(this.#pending.splice(0, count));
  }

  /** Passes all remaining data to the socket, and ends it. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#socket.connecting) this.#give(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#socket.end();
  }

  #give(pieces: readonly Buffer[]): void {
    this.#socket.cork();
    for (const [index, piece] of pieces.entries()) {
      this.#pendingBytes -= piece.length;
      if (index === pieces.length - 1) this.#socket.write(piece, this.#written);
      else this.#socket.write(piece);
    }
    this.#socket.uncork();
  }

  #progressed(): void {
    this.#lastProgress = this.#options.clock.now();
    if (this.#ended) return;
    this.write();
    if (!this.isFull) this.#options.onRoom();
  }
}
