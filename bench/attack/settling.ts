// Waits until memory has settled: the effect of the attacks is the difference between the gateway at rest before and after them.
import { sleep } from './peer.js';

/**
 * Before the attacks: V8 collects buffers only when many unused ones exist, so a gateway that has just started grows by some 30 MB in its
 * first half minute, whatever its peers do. No collection is forced here, and the first attack begins when memory has not exceeded its
 * maximum for this long. After the attacks the same time passes, because V8 keeps the 32 MB that it gives to new objects under load until
 * it notices that they are no longer needed.
 */
const QUIET = 45_000;
/** Growth that counts, in bytes. */
const STEP = 1024 * 1024;
const LOOK_EVERY = 1_000;
/** Seconds between two figures in the printed series. */
const LOOKS_SHOWN = 15;

export interface Settling {
  readonly seconds: number;
  /** False if the time limit was reached first. */
  readonly settled: boolean;
  /** Resident megabytes, every 15 seconds. */
  readonly series: readonly number[];
  readonly highest: number;
}

/** @param most time limit in milliseconds */
export async function settle(gateway: { residentBytes(): number }, most: number): Promise<Settling> {
  const began = performance.now();
  const looks: number[] = [];
  let highest = 0;
  let highestAt = began;
  for (;;) {
    const now = performance.now();
    const rss = gateway.residentBytes();
    looks.push(rss);
    if (rss > highest + STEP) {
      highest = rss;
      highestAt = now;
    }
    const settled = now - highestAt >= QUIET;
    if (settled || now - began >= most) {
      const series = looks.filter((_, index) => index % LOOKS_SHOWN === 0).map(megabytes);
      return { seconds: (now - began) / 1000, settled, series, highest: megabytes(highest) };
    }
    await sleep(LOOK_EVERY);
  }
}

export function describeSettling({ seconds, settled, series, highest }: Settling): string {
  const end = settled
    ? `has settled: for ${QUIET / 1000} s it was not higher than ${highest} MB`
    : `HAS NOT SETTLED, so its own growth is counted as caused by the attacks: highest ${highest} MB`;
  return `after ${seconds.toFixed(0)} s with only its own live stream, the gateway's memory ${end}; each ${LOOKS_SHOWN} s, MB: ${series.join(' ')}`;
}

const megabytes = (bytes: number): number => Math.round(bytes / (1024 * 1024));
