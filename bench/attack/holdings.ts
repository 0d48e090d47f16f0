// Counts the resources that the gateway holds for its peers before and after an attack: descriptors, timers and child processes. A leak would show in
// them.
import type { GatewayProcess, Holdings } from './gateway-process.js';
import { sleep } from './peer.js';

/** The figures vary a little even at rest, so the highest one before an attack is compared with the lowest one after it. */
export async function mostHeld(gateway: GatewayProcess): Promise<Holdings> {
  let most = await gateway.holdings();
  for (let look = 0; look < 40; look++) {
    await sleep(50);
    most = combine(most, await gateway.holdings(), Math.max);
  }
  return most;
}

export async function leastLeft(gateway: GatewayProcess, before: Holdings, patience: number): Promise<Holdings> {
  const excess = async () => combine(await gateway.holdings(), before, (now, then) => Math.max(0, now - then));
  let least = await excess();
  const until = performance.now() + patience;
  while (performance.now() < until && Object.values(least).some((count) => count > 0)) {
    await sleep(100);
    least = combine(least, await excess(), Math.min);
  }
  return least;
}

function combine(a: Holdings, b: Holdings, pick: (a: number, b: number) => number): Holdings {
  return {
    rtmp: pick(a.rtmp, b.rtmp),
    other: pick(a.other, b.other),
    timers: pick(a.timers, b.timers),
    ffmpeg: pick(a.ffmpeg, b.ffmpeg),
  };
}
