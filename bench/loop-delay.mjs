// Loaded into a gateway with `node --import`: measures the delays of its event loop from the end of the warm-up on, and writes them to a file.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const { BENCH_LOOP_DELAY: file, BENCH_WARM_UP: warmUp } = process.env;
if (isMainThread && file !== undefined) {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  setTimeout(() => delays.enable(), Number(warmUp)).unref();
  process.on('exit', () => {
    const [p99, max] = [delays.percentile(99), delays.max].map((nanoseconds) => nanoseconds / 1e6);
    writeFileSync(file, JSON.stringify({ p99, max }));
  });
}
