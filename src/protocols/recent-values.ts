// A cache with bounded memory for keys that peers choose: if a peer keeps sending new keys, the oldest entries are dropped.

export interface RecentValuesLimits {
  readonly entries: number;
  /** Characters; what is longer is worked out each time. */
  readonly keyLength: number;
}

export class RecentValues<Value extends NonNullable<unknown>> {
  readonly #limits: RecentValuesLimits;
  readonly #values = new Map<string, Value>();

  constructor(limits: RecentValuesLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  /** @param key a text of its own: a piece of a longer one would keep all of that in memory */
  keep(key: string, value: Value): void {
    if (key.length > this.#limits.keyLength) return;
    // A Map keeps insertion order: delete and insert again, so that the entry counts as new.
    this.#values.delete(key);
    this.#values.set(key, value);
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.#limits.entries) return;
      this.#values.delete(oldest);
    }
  }
}
