// Counts who waits, in all and by address, so that neither a herd nor one client can hold everything (C4.06).

export interface WaitingLimits {
  /** Requests held open in all. */
  readonly maxWaiters: number;
  /** Requests held open for one client address. */
  readonly maxWaitersPerIp: number;
}

export const DEFAULT_WAITING_LIMITS: WaitingLimits = { maxWaiters: 20_000, maxWaitersPerIp: 64 };

export class WaitingRoom {
  readonly #limits: WaitingLimits;
  readonly #perAddress = new Map<string, number>();
  #size = 0;
  /** Turned away since the start. */
  refused = 0;

  constructor(limits: WaitingLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** Addresses that somebody waits from. */
  get addresses(): number {
    return this.#perAddress.size;
  }

  /**
   * @param address undefined when it is not known: a trusted proxy that names nobody counts only in all
   * @returns what frees the place, once; undefined when there is none
   */
  enter(address: string | undefined): (() => void) | undefined {
    const there = address === undefined ? 0 : (this.#perAddress.get(address) ?? 0);
    if (this.#size >= this.#limits.maxWaiters || there >= this.#limits.maxWaitersPerIp) {
      this.refused++;
      return undefined;
    }
    this.#size++;
    if (address !== undefined) this.#perAddress.set(address, there + 1);
    return () => this.#leave(address);
  }

  #leave(address: string | undefined): void {
    this.#size--;
    if (address === undefined) return;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }
}
