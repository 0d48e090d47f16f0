// The delays of the event loop are sampled for whoever reads them, and for nobody else.
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { ProcessObserver } from '../../../src/servers/http/metrics/process-figures.js';

/** Keeps the event loop busy for longer than two samples are apart, some times, because two samples make one figure. */
async function blockLoop(): Promise<void> {
  for (let i = 0; i < 4; i += 1) {
    const until = performance.now() + 50;
    while (performance.now() < until);
    await delay(1);
  }
}

it('samples the event loop only after the figures were read once, and until the end', async () => {
  const observer = new ProcessObserver();
  onTestFinished(() => observer.close());
  await blockLoop();
  expect(observer.read().delayMax).toBe(0);
  for (let longest = 0; longest < 0.02; longest = observer.read().delayMax) await blockLoop();
  observer.close();
  observer.read();
  await blockLoop();
  expect(observer.read().delayMax).toBe(0);
});
