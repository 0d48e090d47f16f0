// Counts and bounds the cost of decoding an AMF body. A small body can declare, or refer to, far more than it contains.

import { amfError } from './errors.js';

/** Bounds for one body. Nothing is ever allocated from a declared count or length. */
export interface AmfLimits {
  /** Nesting depth of containers; 1 is an object of plain values. */
  readonly maxDepth: number;
  /** Number of values of any kind, containers included. */
  readonly maxValues: number;
  /** Bytes of one string, key, class name or XML document. */
  readonly maxStringBytes: number;
}

/** Real publishers stay below depth 4 and 60 values; the length of a string is also bounded by that of its command message. */
export const DEFAULT_AMF_LIMITS: AmfLimits = { maxDepth: 64, maxValues: 4096, maxStringBytes: 256 * 1024 };

export class AmfBudget {
  readonly #limits: AmfLimits;
  #depth = 0;
  #values = 0;
  #repeatedBytes = 0;

  constructor(limits: AmfLimits) {
    this.#limits = limits;
  }

  /** Number of open containers. */
  get depth(): number {
    return this.#depth;
  }

  /** Number of values counted so far. */
  get values(): number {
    return this.#values;
  }

  /** @throws amf.budget */
  countValue(): void {
    this.#values += 1;
    this.#checkValues();
  }

  /**
   * Counts a referenced container as if it stood here again: a few bytes of references to references can stand for a tree so large that no
   * walk over it would ever finish.
   * @param values number of values in the container, itself included. @param depth its nesting depth, itself included.
   * @throws amf.budget
   */
  countRepeated(values: number, depth: number): void {
    this.#values += values;
    this.#checkValues();
    this.#checkDepth(this.#depth + depth);
  }

  /**
   * Counts referenced text again: one long string that every value refers to must not fill memory when it is written out.
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
