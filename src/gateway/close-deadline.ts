// How long the gateway may take to close. Every step has its own limit, and their sum must stay below the limit of `close()`.
import type { Clock } from '../protocols/clock.js';
import type { Milliseconds } from '../protocols/units.js';

/**
 * From `close()` until streams that still flush are closed without waiting. RTMP needs up to 1.5 s of it (`reconnectGrace` and
 * `closeGrace`); HTTP needs up to 0.5 s afterwards (`CLOSE_GRACE`). So half a second of the 5 s is left for the locks of the directories
 * and for a busy machine.
 */
export const FLUSH_UNTIL: Milliseconds = 4_000;

/** Resolves when the work has ended, or at the deadline, by `clock.now()`. @throws what the work throws before the deadline */
export async function untilDeadline(work: Promise<unknown>, deadline: Milliseconds, clock: Clock): Promise<void> {
  let cancel: (() => void) | undefined;
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(Math.max(0, deadline - clock.now()), resolve);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    cancel?.();
  }
}
