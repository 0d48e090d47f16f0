import { defineConfig } from 'vitest/config';
import { PATIENCE, TEST_TIMEOUT } from './test/support/patience.js';

/** Rooms whose tests start no gateway and change nothing that the process has only once: their files share a worker and what it has loaded. */
const UNITS = ['access', 'config', 'dash', 'events', 'fuzz', 'hls', 'live', 'properties', 'protocols', 'recording'];
const unitFiles = UNITS.map((room) => `test/${room}/**/*.test.ts`);

/** Every page and player in a real browser, faults included: `npm run browsers`. These few are part of `npm test` as well. */
const BROWSERS = 'test/e2e/*.test.ts';
const SHORT = ['player-gateway', 'recordings', 'timed-events'].map((name) => `test/e2e/${name}.test.ts`);

export default defineConfig({
  test: {
    // Two cores: end-to-end tests start real encoders, and more workers would starve each other; but most of their time they wait for media.
    maxWorkers: 3,
    testTimeout: TEST_TIMEOUT,
    hookTimeout: TEST_TIMEOUT,
    teardownTimeout: PATIENCE,
    expect: { poll: { timeout: PATIENCE } },
    restoreMocks: true,
    setupFiles: ['test/support/property-seed.ts'],
    // In the order of their names: those that take minutes are not left for the end, where the other workers have nothing more to do.
    projects: [
      {
        extends: true,
        test: {
          name: 'programs',
          include: ['test/!(e2e)/**/*.test.ts', 'test/*.test.ts', ...SHORT],
          exclude: unitFiles,
          globalSetup: ['test/support/program-directory.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'browsers',
          include: [BROWSERS],
          exclude: SHORT,
          globalSetup: ['test/support/program-directory.ts'],
        },
      },
      { extends: true, test: { name: 'units', include: unitFiles, isolate: false } },
    ],
  },
});
