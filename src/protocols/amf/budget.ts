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

  constructor(limits: AmfLimits) {
    this.#limits = limits;
  }

  /** @throws amf.budget */
  countValue(): void {
    this.#values += 1;
    if (this.#values > this.#limits.maxValues) {
      throw amfError('amf.budget', `got more than ${this.#limits.maxValues} values in one body`);
    }
  }

  /** @throws amf.budget */
  enter(): void {
    this.#depth += 1;
    if (this.#depth > this.#limits.maxDepth) {
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
