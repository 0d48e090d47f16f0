// Turns the failure of a command into an error message and an exit status.

import { SluiceError } from '../protocols/errors.js';
import { systemCode, systemReason } from '../protocols/system-error.js';
import { type CommandIo, EXIT_FAILURE, EXIT_USAGE } from './io.js';

export function refuse(io: CommandIo, text: string): number {
  io.stderr.write(`sluice: ${text}\n`);
  return EXIT_USAGE;
}

/** Reports an external failure in one line. A bug is rethrown with its stack. */
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
