// How long tests wait for an event that must come. The machine may be slow and busy, and these tests do not test speed.

/** Milliseconds for one event. Only a failing test waits that long. */
export const PATIENCE = 90_000;

/** Milliseconds for one test, in which several events may be late. */
export const TEST_TIMEOUT = 4 * PATIENCE;

/**
 * For tests that count the stalls of a player: on a machine that is too busy, a browser stalls even if the gateway is right. A fault of the gateway
 * would show in every try.
 */
export const REAL_TIME = { retry: 2 } as const;
