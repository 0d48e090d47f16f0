// Reserves file descriptors that connections may not use: without a free one, FFmpeg cannot start, segments cannot be written, and not even
// accept works.

import { closeSync, openSync } from 'node:fs';
import type { DescriptorGuard } from '../../contracts/descriptor-guard.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';
import { reservedFrom } from './open-file-limit.js';

/** Delay between attempts to open a spare descriptor again. */
const RETRY: Milliseconds = 250;

/**
 * One for all servers of the process. The kernel assigns the lowest free number (open(2)), so a descriptor that is opened and closed right
 * after a connection was accepted shows how many are in use.
 */
export class DescriptorReserve {
  readonly #fileLimit: number | undefined;
  readonly #domain: FailureDomain;
  readonly #lowestFree: () => number;
  #spare: number | undefined;
  #retry: NodeJS.Timeout | undefined;

  /**
   * @param fileLimit undefined if the limit is unknown
   * @param domain runs the timer
   * @param lowestFree replaced by tests
   */
  constructor(fileLimit: number | undefined, domain: FailureDomain, lowestFree = lowestFreeDescriptor) {
    this.#fileLimit = fileLimit;
    this.#domain = domain;
    this.#lowestFree = lowestFree;
  }

  guard(peers: 'viewers' | 'encoders'): DescriptorGuard {
    const first = reservedFrom(this.#fileLimit, peers);
    return { refuses: () => this.#refuses(first), acceptFailed: () => this.#acceptFailed() };
  }

  /** From now on until `close` a spare descriptor is kept open. */
  open(): void {
    try {
      this.#spare = openSync('/', 'r');
    } catch {
      // No descriptor is free now. Until one is, accepted connections are refused, as they are while the spare one is in use.
      this.#retryLater();
    }
  }

  /** @param first the lowest reserved descriptor; undefined if none are reserved */
  #refuses(first: number | undefined): boolean {
    if (this.#retry !== undefined) return true;
    return first !== undefined && this.#lowestFree() > first;
  }

  /**
   * Accepting failed. libuv keeps a spare descriptor with which it accepts and closes connections when none is free. If another thread took
   * that one, libuv tries again without returning to the event loop, and every stream stands still. Our spare descriptor lets libuv empty
   * its queue. All of these connections are refused.
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
      this.#domain.attempt('spare descriptor', () => this.open());
    }, RETRY).unref();
  }
}

/** Infinity if none is free. */
function lowestFreeDescriptor(): number {
  try {
    const descriptor = openSync('/', 'r');
    closeSync(descriptor);
    return descriptor;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
