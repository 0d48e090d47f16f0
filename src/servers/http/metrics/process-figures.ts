// CPU time, memory and event loop delay of the process. A late event loop delays all streams.

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Milliseconds, Seconds } from '../../../protocols/units.js';

/** How often the sampling timer wakes the process. */
const RESOLUTION: Milliseconds = 20;

export interface ProcessFigures {
  /** Delay beyond the sampling interval. */
  readonly delayP50: Seconds;
  readonly delayP99: Seconds;
  readonly delayMax: Seconds;
  /** User and system time. */
  readonly cpu: Seconds;
  readonly uptime: Seconds;
  /** Bytes. */
  readonly resident: number;
  readonly heapUsed: number;
  readonly external: number;
}

export class ProcessObserver {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION });

  #closed = false;

  close(): void {
    this.#closed = true;
    this.#delay.disable();
  }

  /**
   * The figures of the event loop cover the time since the previous call, and are 0 in the first one: sampling wakes the process 50 times a
   * second, so it begins only when somebody reads the figures.
   */
  read(): ProcessFigures {
    if (!this.#closed) this.#delay.enable();
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, external } = process.memoryUsage();
    const figures = {
      delayP50: beyondInterval(this.#delay.percentile(50)),
      delayP99: beyondInterval(this.#delay.percentile(99)),
      delayMax: beyondInterval(this.#delay.max),
      cpu: (user + system) / 1e6,
      uptime: process.uptime(),
      resident: rss,
      heapUsed,
      external,
    };
    this.#delay.reset();
    return figures;
  }
}

/** @param nanoseconds between two samples. The maximum of a histogram without samples is absurd; it becomes 0. */
function beyondInterval(nanoseconds: number): Seconds {
  const seconds = nanoseconds / 1e9 - RESOLUTION / 1000;
  return Number.isFinite(seconds) && seconds < 1e6 ? Math.max(0, seconds) : 0;
}
