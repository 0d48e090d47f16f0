// What the attacks have added is what a gateway has more when it is left alone again with its one honest stream than it had before.
import { sleep } from './peer.js';

/**
 * Before the attacks: V8 collects buffers only when many dead ones have come together, so a gateway that has just started
 * grows by some 30 MB in its first half minute, whoever its peers are. Nobody collects for it here, and the first attack
 * begins when its memory has not been higher than before for this long. After them the same time passes: V8 keeps the 32 MB
 * that it gives to new objects under load until it sees that they are not needed any more.
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
  return `after ${seconds.toFixed(0)} s alone with its honest stream the gateway's memory ${end}; each ${LOOKS_SHOWN} s, MB: ${series.join(' ')}`;
}

const megabytes = (bytes: number): number => Math.round(bytes / (1024 * 1024));
