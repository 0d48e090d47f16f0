// Garbage that is collected when a test says so: only then does the size of the heap tell what is kept.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Node documents no other way to it in a process that was started without the flag.
setFlagsFromString('--expose-gc');

export const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes of the heap that are in use for something. */
export function heapInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
