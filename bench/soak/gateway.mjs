// The gateway of the soak test: like `sluice serve`, but its streams use a clock that is as fast as their media.
import { pino } from 'pino';
import { loadConfig } from '../../dist/config/load-config.js';
import { createGateway } from '../../dist/gateway.js';

const [speedText, ...argv] = process.argv.slice(2);
const speed = Number(speedText);
const began = Date.now();
const clock = {
  now: () => performance.now() * speed,
  wallClock: () => began + performance.now() * speed,
  after(delay, callback) {
    const timer = setTimeout(callback, delay / speed).unref();
    return () => clearTimeout(timer);
  },
};
const counts = {};
const logger = pino(
  { level: 'info' },
  {
    write(line) {
      const { level, msg, code } = JSON.parse(line);
      if (level >= 40) counts[code ?? msg] = (counts[code ?? msg] ?? 0) + 1;
    },
  },
);
const gateway = await createGateway(loadConfig({ argv, env: {}, cwd: process.cwd() }), { logger, clock });
const urls = await gateway.start();
process.send({ urls });
process.on('message', async (request) => {
  if (request === 'close') {
    await gateway.close();
    process.send({ closed: counts });
    process.disconnect();
    return;
  }
  // Twice, because the second collection releases the memory that the finalizers of the first one have freed.
  globalThis.gc();
  globalThis.gc();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  process.send({ rss, heapUsed, external, arrayBuffers, handles: process.getActiveResourcesInfo().length, counts });
});
