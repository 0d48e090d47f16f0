// A cache with bounded memory for keys that peers choose. If a peer keeps sending new keys, the oldest entries are dropped.

export interface RecentValuesLimits {
  readonly entries: number;
  /** Maximum length in characters. The value of a longer key is not kept. */
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

  /** @param key not a slice of a longer text, because it would keep all of that text in memory */
  keep(key: string, value: Value): void {
    if (key.length > this.#limits.keyLength) return;
    // A Map keeps insertion order. Deletes and inserts again, so that the entry counts as new.
    this.#values.delete(key);
    this.#values.set(key, value);
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.#limits.entries) return;
      this.#values.delete(oldest);
    }
  }
}
