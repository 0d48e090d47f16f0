// The interface between the fuzzer and code that reads input from the network.
import { SluiceError } from '../../src/protocols/errors.js';

export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs, from the vectors of the tests. */
  readonly seeds: readonly Buffer[];
  /** Fragments of the format. */
  readonly dictionary: readonly Buffer[];
  /** Maximum length of inputs. */
  readonly maxBytes: number;
  /** Throws only for a defect. Refusing an input with a typed error is correct. */
  run(input: Buffer): void;
}

/** Runs a reader that may refuse its input with a typed error. @returns its result, or undefined if it refused the input */
export function read<T>(reader: () => T): T | undefined {
  try {
    return reader();
  } catch (error) {
    if (error instanceof SluiceError) return undefined;
    throw error;
  }
}

/** Throws if a condition that must hold for every input is false. */
export function ensure(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`broken: ${what}`);
}

export function text(...words: readonly string[]): Buffer[] {
  return words.map((word) => Buffer.from(word, 'latin1'));
}
