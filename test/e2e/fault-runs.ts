// How long the fault tests run, and the reports of long runs. FAULTS=20 turns the short forms into long runs.

/** The configured number of faults; undefined in the short form of `npm test`. */
const asked = process.env.FAULTS === undefined ? undefined : Number(process.env.FAULTS);

export const longRun = asked !== undefined;

/**
 * @param short number of times in `npm test`
 * @param share of FAULTS in the long run
 */
export function times(short: number, share = 1): number {
  return asked === undefined ? short : Math.max(1, Math.round(asked * share));
}

/** Prints figures of a long run; a successful short run prints nothing. */
export function tell(what: string, figures: object): void {
  if (longRun) process.stderr.write(`${what} ${JSON.stringify(figures)}\n`);
}

/** Random numbers in [0, 1) from a seed, so that a failed run can be repeated. Mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
