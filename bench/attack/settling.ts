// What the attacks may add is counted from a gateway that serves its one honest stream and has stopped to grow by itself.
import { sleep } from './peer.js';

/**
 * V8 collects buffers only when some 64 MB of dead ones have come together since the last collection, and the allocator
 * keeps what was in use at the worst moment. One honest stream reaches that after minutes: a gateway that has just
 * started would have this growth counted as the attackers' work. So nobody collects for it here, and the first attack
 * begins when its memory has not been higher than before for this long.
 */
const QUIET = 45_000;
/** What counts as higher. */
const STEP = 1024 * 1024;
const LOOK_EVERY = 1_000;
/** Between two figures of the series that is printed. */
const LOOKS_SHOWN = 15;

export interface Settling {
  readonly seconds: number;
  /** Otherwise the time was over first. */
  readonly settled: boolean;
  /** Resident megabytes, each 15 seconds. */
  readonly series: readonly number[];
  readonly highest: number;
}

/** @param most milliseconds */
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
    : `HAS NOT SETTLED, its own growth counts as the attackers': highest ${highest} MB`;
  return `after ${seconds.toFixed(0)} s with its honest stream alone the gateway's memory ${end}; each ${LOOKS_SHOWN} s, MB: ${series.join(' ')}`;
}

const megabytes = (bytes: number): number => Math.round(bytes / (1024 * 1024));
