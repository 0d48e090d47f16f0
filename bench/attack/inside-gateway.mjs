// Loaded into the gateway's process before its program (`--import`): reports over IPC the figures that only the process itself can measure.
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Milliseconds between two samples of the histogram; the delay is the time beyond that. */
const RESOLUTION = 10;
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
histogram.enable();

/** All timers that are set and have neither fired nor been cleared, including unreferenced ones. A leaked timer would stay in this set. */
const timers = new Set();
for (const [set, clear, fires] of [
  ['setTimeout', 'clearTimeout', true],
  ['setInterval', 'clearInterval', false],
]) {
  const original = globalThis[set];
  const originalClear = globalThis[clear];
  const wrapped = (callback, after, ...rest) => {
    const timer = original(
      (...values) => {
        if (fires) timers.delete(timer);
        callback(...values);
      },
      after,
      ...rest,
    );
    timers.add(timer);
    return timer;
  };
  globalThis[set] = Object.assign(wrapped, original);
  globalThis[clear] = (timer) => {
    timers.delete(timer);
    originalClear(timer);
  };
}

const beyond = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION);

process.on('message', ({ id, collect }) => {
  const delay =
    histogram.count === 0
      ? { p50: 0, p99: 0, max: 0 }
      : { p50: beyond(histogram.percentile(50)), p99: beyond(histogram.percentile(99)), max: beyond(histogram.max) };
  if (collect) {
    // A collection stops the process for a time that this script causes and not the gateway.
    globalThis.gc?.();
    globalThis.gc?.();
    setImmediate(() => histogram.reset());
  }
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  process.send({ id, delay, rss, heapUsed, external, arrayBuffers, timers: timers.size });
});
// The IPC channel must not keep the gateway alive.
process.channel.unref();
