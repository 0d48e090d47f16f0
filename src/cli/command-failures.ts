// What a command prints when it cannot do what was asked, and its exit status.

import { SluiceError } from '../protocols/errors.js';
import { systemCode, systemReason } from '../protocols/system-error.js';
import { type CommandIo, EXIT_FAILURE, EXIT_USAGE } from './io.js';

export function refuse(io: CommandIo, text: string): number {
  io.stderr.write(`sluice: ${text}\n`);
  return EXIT_USAGE;
}

/** Reports a failure with a cause outside of this program in one line; a bug keeps its stack. */
export async function inWords(io: CommandIo, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    const isKnown = error instanceof SluiceError;
    if (!isKnown && systemCode(error) === undefined) throw error;
    io.stderr.write(`sluice: ${isKnown ? error.message : systemReason(error)}\n`);
    return EXIT_FAILURE;
  }
}
