// Runs a command in this process, from its arguments to its exit status.

import { main } from './main.js';
import { hideKeyArgument, processIo } from './process-io.js';

/** @returns the exit status, once all output has been read or nobody reads it */
export async function run(argv: readonly string[]): Promise<number> {
  hideKeyArgument(argv);
  const io = processIo();
  const status = await main(argv, io);
  await io.flush();
  return status;
}
