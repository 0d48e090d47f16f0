// What the process costs and how late it is, because an event loop that lags delays every stream at once.

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Milliseconds, Seconds } from '../../../protocols/units.js';

/** The sampling timer wakes the process this often. */
const RESOLUTION: Milliseconds = 20;

export interface ProcessFigures {
  /** Beyond the sampling interval. */
  readonly delayP50: Seconds;
  readonly delayP99: Seconds;
  readonly delayMax: Seconds;
  /** User and system. */
  readonly cpu: Seconds;
  readonly uptime: Seconds;
  /** Bytes. */
  readonly resident: number;
  readonly heapUsed: number;
  readonly external: number;
}

export class ProcessObserver {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION });

  start(): void {
    this.#delay.enable();
  }

  close(): void {
    this.#delay.disable();
  }

  /** Event loop figures are those since the last call. */
  read(): ProcessFigures {
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

/** @param nanoseconds between two samples; an histogram without any says an absurd maximum */
function beyondInterval(nanoseconds: number): Seconds {
  const seconds = nanoseconds / 1e9 - RESOLUTION / 1000;
  return Number.isFinite(seconds) && seconds < 1e6 ? Math.max(0, seconds) : 0;
}
