// Collects garbage when a test asks for it, so that the size of the heap shows what is really kept.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// The only documented way in a process that was started without --expose-gc.
setFlagsFromString('--expose-gc');

export const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes of the heap in use after a collection. */
export function heapInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
