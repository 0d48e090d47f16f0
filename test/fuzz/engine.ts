// Coverage-guided search for inputs that break a target: keeps inputs that reach new code, and mutates them.
import type { Coverage, Piece } from './coverage.js';
import { Mutator, Random } from './mutator.js';
import type { FuzzTarget } from './target.js';

/** Number of inputs between two coverage queries, because a query takes milliseconds and an input microseconds. */
const BATCH = 400;

export interface Finding {
  readonly input: Buffer;
  readonly error: unknown;
}

export interface EngineOptions {
  readonly target: FuzzTarget;
  readonly coverage: Coverage;
  readonly corpus: readonly Buffer[];
  readonly seed: number;
  /** Called before each input runs, so that an input that never returns can be identified. */
  readonly onInput: (input: Buffer) => void;
  readonly onNew: (input: Buffer) => void;
}

export class Engine {
  executions = 0;
  readonly #options: EngineOptions;
  readonly #random: Random;
  readonly #mutator: Mutator;
  readonly #corpus: Buffer[] = [];

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    const { maxBytes, dictionary } = options.target;
    this.#mutator = new Mutator({ random: this.#random, maxBytes, dictionary });
  }

  get corpusSize(): number {
    return this.#corpus.length;
  }

  /** Runs seeds and kept corpus. @returns what they broke */
  start(): Finding | undefined {
    for (const input of [...this.#options.target.seeds, ...this.#options.corpus]) {
      const finding = this.#run(input);
      if (finding !== undefined) return finding;
      // All seeds and all saved inputs are kept, even if they reach no new code in this version.
      this.#corpus.push(input);
    }
    this.#options.coverage.take();
    return undefined;
  }

  /** Runs one batch. @returns what it broke */
  step(): Finding | undefined {
    const batch: Buffer[] = [];
    for (let i = 0; i < BATCH; i += 1) {
      const input = this.#next();
      batch.push(input);
      const finding = this.#run(input);
      if (finding !== undefined) return finding;
    }
    const fresh = this.#options.coverage.take();
    if (fresh.length > 0) this.#locate(batch, fresh);
    return undefined;
  }

  #next(): Buffer {
    const input = this.#random.pick(this.#corpus) ?? Buffer.alloc(0);
    return this.#mutator.mutate(input, this.#random.pick(this.#corpus) ?? input);
  }

  #run(input: Buffer): Finding | undefined {
    this.#options.onInput(input);
    this.executions += 1;
    try {
      this.#options.target.run(input);
      return undefined;
    } catch (error) {
      return { input, error };
    }
  }

  /** Halves the batch until each input that reached these pieces is found. */
  #locate(batch: readonly Buffer[], fresh: readonly Piece[]): void {
    const [only] = batch;
    if (only === undefined) return;
    if (batch.length === 1) {
      this.#corpus.push(only);
      this.#options.onNew(only);
      return;
    }
    const { coverage } = this.#options;
    const middle = batch.length >> 1;
    coverage.forget(fresh);
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      for (const input of half) this.#run(input);
      const reached = coverage.take();
      if (reached.length > 0) this.#locate(half, reached);
    }
  }
}
