// Waits until a check passes, as long as every other wait of the tests: the second of `vi.waitFor` is too short for a busy machine.
import { vi } from 'vitest';
import { PATIENCE } from './patience.js';

export function waitFor<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: PATIENCE, interval: 20 });
}
