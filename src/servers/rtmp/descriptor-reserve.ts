// Descriptors that connections may not have, whatever uses up the others: without one left FFmpeg, segments and accepting itself fail.

import { closeSync, openSync } from 'node:fs';
import type { DescriptorGuard } from '../../contracts/descriptor-guard.js';
import type { Milliseconds } from '../../protocols/units.js';
import { reservedFrom } from './open-file-limit.js';

/** Between two attempts to have a spare descriptor again. */
const RETRY: Milliseconds = 250;

/**
 * One for all servers of the process. The kernel gives out the lowest number that is free (open(2)), so a descriptor that is
 * opened and closed right after a connection was accepted tells how many are in use.
 */
export class DescriptorReserve {
  readonly #fileLimit: number | undefined;
  readonly #lowestFree: () => number;
  #spare: number | undefined;
  #retry: NodeJS.Timeout | undefined;

  /**
   * @param fileLimit undefined where the system has none that we know
   * @param lowestFree for tests
   */
  constructor(fileLimit: number | undefined, lowestFree = lowestFreeDescriptor) {
    this.#fileLimit = fileLimit;
    this.#lowestFree = lowestFree;
  }

  guard(peers: 'viewers' | 'encoders'): DescriptorGuard {
    const first = reservedFrom(this.#fileLimit, peers);
    return { refuses: () => this.#refuses(first), acceptFailed: () => this.#acceptFailed() };
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

  /** @param first of the descriptors that are kept; undefined: none are */
  #refuses(first: number | undefined): boolean {
    if (this.#retry !== undefined) return true;
    return first !== undefined && this.#lowestFree() > first;
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

/** Infinity when none is free. */
function lowestFreeDescriptor(): number {
  try {
    const descriptor = openSync('/', 'r');
    closeSync(descriptor);
    return descriptor;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
