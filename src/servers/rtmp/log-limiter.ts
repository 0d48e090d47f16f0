// Limits repeated log lines, so that a port scanner or a broken encoder in a loop cannot fill the disk.

import type { Milliseconds } from '../../protocols/units.js';

const WINDOW: Milliseconds = 10_000;
const LINES_PER_WINDOW = 20;

export class LogLimiter {
  readonly #now: () => Milliseconds;
  readonly #linesPerWindow: number;
  readonly #windows = new Map<string, { start: Milliseconds; lines: number; suppressed: number }>();

  /** @param now monotonic clock. @param linesPerWindow of one kind, in 10 s */
  constructor(now: () => Milliseconds = () => performance.now(), linesPerWindow = LINES_PER_WINDOW) {
    this.#now = now;
    this.#linesPerWindow = linesPerWindow;
  }

  /**
   * Whether a line of this kind may be written now. `kind` comes from a closed set (an error code), never from a peer.
   * @returns fields to add to the line (how many lines were left out before it); undefined if it must not be written
   */
  admit(kind: string): { readonly suppressed?: number } | undefined {
    const now = this.#now();
    let window = this.#windows.get(kind);
    if (window === undefined || now - window.start >= WINDOW) {
      const suppressed = window?.suppressed ?? 0;
      window = { start: now, lines: 0, suppressed: 0 };
      this.#windows.set(kind, window);
      window.lines++;
      return suppressed > 0 ? { suppressed } : {};
    }
    if (window.lines >= this.#linesPerWindow) {
      window.suppressed++;
      return undefined;
    }
    window.lines++;
    return {};
  }
}
