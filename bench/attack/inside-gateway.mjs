// Loaded into the gateway's process before its program (`--import`): what only the process itself can say, told over IPC.
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Milliseconds between two looks of the histogram; a delay is what comes on top. */
const RESOLUTION = 10;
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
histogram.enable();

/** All that is set and neither fired nor cleared, unreferenced ones included: those are what a leak would be made of. */
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
    // A collection stops the process: what it takes is ours, not the gateway's.
    globalThis.gc?.();
    globalThis.gc?.();
    setImmediate(() => histogram.reset());
  }
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  process.send({ id, delay, rss, heapUsed, external, arrayBuffers, timers: timers.size });
});
// The gateway ends when its own work does.
process.channel.unref();
