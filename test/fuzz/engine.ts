// Coverage-guided search for inputs that break a target: keeps what reaches new code, and mutates what it kept.
import type { Coverage, Piece } from './coverage.js';
import { Mutator, Random } from './mutator.js';
import type { FuzzTarget } from './target.js';

/** Inputs between two questions to V8: asking costs milliseconds, running one input microseconds. */
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
  /** Called before each input runs, so that one which never returns is known to whoever watches. */
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
      // Seeds stay whatever they reach; the kept corpus was chosen by what it reaches, in an older version of the code perhaps.
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

  /** Halves the batch until the inputs that reached these blocks are alone. */
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
