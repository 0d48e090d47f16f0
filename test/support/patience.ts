// How long tests wait for an event that must come: the machine may be slow and busy, and speed is not what they test.

/** Milliseconds for one event. Only a test that fails waits so long. */
export const PATIENCE = 90_000;

/** Milliseconds for one test, in which several events may be late. */
export const TEST_TIMEOUT = 4 * PATIENCE;
