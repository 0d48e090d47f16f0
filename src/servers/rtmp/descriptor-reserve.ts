// Descriptors that connections may not have, whatever uses up the others: without one left FFmpeg, segments and accepting itself fail.

import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Milliseconds } from '../../protocols/units.js';
import { reservedFrom } from './open-file-limit.js';

/** Between two attempts to have a spare descriptor again. */
const RETRY: Milliseconds = 250;

/** What a socket keeps of libuv's; Node documents neither. */
interface WithDescriptor {
  readonly _handle?: { readonly fd?: unknown } | null;
}

/** What one kind of server asks of it. */
export interface DescriptorGuard {
  /** This connection, which has just been accepted, must be closed at once. */
  refuses(socket: Socket): boolean;
  /** By the operating system. */
  acceptFailed(): void;
}

/**
 * One for all servers of the process. It looks at what they accept: the kernel gives out the lowest number that is free, so
 * a connection whose descriptor is number n came when n others were in use.
 */
export class DescriptorReserve {
  readonly #fileLimit: number | undefined;
  #spare: number | undefined;
  #retry: NodeJS.Timeout | undefined;

  /** @param fileLimit undefined where the system has none that we know */
  constructor(fileLimit: number | undefined) {
    this.#fileLimit = fileLimit;
  }

  guard(peers: 'viewers' | 'encoders'): DescriptorGuard {
    const first = reservedFrom(this.#fileLimit, peers) ?? Number.POSITIVE_INFINITY;
    return { refuses: (socket) => this.#refuses(socket, first), acceptFailed: () => this.#acceptFailed() };
  }

  /** From now on until `close` there is a spare descriptor. */
  open(): void {
    try {
      this.#spare = openSync('/', 'r');
    } catch {
      // There is none to be had now; whoever is accepted meanwhile is refused, as they are when it was given away.
      this.#retryLater();
    }
  }

  #refuses(socket: Socket, first: number): boolean {
    const descriptor = (socket as unknown as WithDescriptor)._handle?.fd;
    return this.#retry !== undefined || (typeof descriptor === 'number' && descriptor >= first);
  }

  /**
   * Accepting failed. libuv keeps a spare descriptor with which it accepts and closes what it has no room for; where it has
   * lost that one to another thread, it tries again and again without returning to the event loop, and every stream stands
   * still. With ours it gets through to the end of its queue; all of that is refused.
   */
  #acceptFailed(): void {
    if (this.#spare === undefined) return;
    closeSync(this.#spare);
    this.#spare = undefined;
    this.#retryLater();
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (this.#spare !== undefined) closeSync(this.#spare);
    this.#spare = undefined;
  }

  #retryLater(): void {
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.open();
    }, RETRY).unref();
  }
}
