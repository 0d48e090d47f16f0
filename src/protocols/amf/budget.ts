// An AMF body can claim far more than it holds, so what decoding may cost is counted and bounded here.

import { amfError } from './errors.js';

/** Bounds of one body. Nothing is ever allocated from a count or a length that the body merely declares. */
export interface AmfLimits {
  /** Containers inside one another; 1 is an object of plain values. */
  readonly maxDepth: number;
  /** Values of every kind, containers included. */
  readonly maxValues: number;
  /** Bytes of one string, key, class name or XML document. */
  readonly maxStringBytes: number;
}

/** Real publishers stay below depth 4 and 60 values; a long string is bounded by the command message that carries it. */
export const DEFAULT_AMF_LIMITS: AmfLimits = { maxDepth: 64, maxValues: 4096, maxStringBytes: 256 * 1024 };

export class AmfBudget {
  readonly #limits: AmfLimits;
  #depth = 0;
  #values = 0;
  #repeatedBytes = 0;

  constructor(limits: AmfLimits) {
    this.#limits = limits;
  }

  /** Containers that are open. */
  get depth(): number {
    return this.#depth;
  }

  /** Values so far. */
  get values(): number {
    return this.#values;
  }

  /** @throws amf.budget */
  countValue(): void {
    this.#values += 1;
    this.#checkValues();
  }

  /**
   * Counts a container that is referred to as if it stood here once more: a few bytes of references to references stand
   * for a tree that no walk over it would ever finish.
   * @param values and @param depth of the container, itself included.
   * @throws amf.budget
   */
  countRepeated(values: number, depth: number): void {
    this.#values += values;
    this.#checkValues();
    this.#checkDepth(this.#depth + depth);
  }

  /**
   * The same for text: one long string, referred to by every value, must not fill memory when it is written out again.
   * @throws amf.budget
   */
  countRepeatedText(bytes: number): void {
    this.#repeatedBytes += bytes;
    this.checkString(this.#repeatedBytes);
  }

  #checkValues(): void {
    if (this.#values > this.#limits.maxValues) {
      throw amfError('amf.budget', `got more than ${this.#limits.maxValues} values in one body`);
    }
  }

  /** @throws amf.budget */
  enter(): void {
    this.#depth += 1;
    this.#checkDepth(this.#depth);
  }

  #checkDepth(depth: number): void {
    if (depth > this.#limits.maxDepth) {
      throw amfError('amf.budget', `got containers nested more than ${this.#limits.maxDepth} deep`);
    }
  }

  leave(): void {
    this.#depth -= 1;
  }

  /** @throws amf.budget */
  checkString(bytes: number): void {
    if (bytes > this.#limits.maxStringBytes) {
      throw amfError('amf.budget', `got a string of ${bytes} bytes, expected at most ${this.#limits.maxStringBytes}`);
    }
  }
}
