// The interface between the fuzzer and code that reads input from the network.
import { SluiceError } from '../../src/protocols/errors.js';

export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs, from the vectors of the tests. */
  readonly seeds: readonly Buffer[];
  /** Fragments of the format. */
  readonly dictionary: readonly Buffer[];
  /** Inputs grow to this at most. */
  readonly maxBytes: number;
  /** Throws for a defect only; an input that is refused with a typed error is as it should be. */
  run(input: Buffer): void;
}

/** Runs a reader that may refuse its input with a typed error. @returns what it made, or undefined if it refused */
export function read<T>(reader: () => T): T | undefined {
  try {
    return reader();
  } catch (error) {
    if (error instanceof SluiceError) return undefined;
    throw error;
  }
}

/** A defect: what must hold for any input does not. */
export function ensure(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`broken: ${what}`);
}

export function text(...words: readonly string[]): Buffer[] {
  return words.map((word) => Buffer.from(word, 'latin1'));
}
