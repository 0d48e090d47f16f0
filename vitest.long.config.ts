// What takes too long for every run of the suite, or writes its vectors: `npm run long [-- FILTER]`, `npm run record`.
import { defineConfig } from 'vitest/config';
import { PATIENCE, TEST_TIMEOUT } from './test/support/patience.js';

export default defineConfig(({ mode }) => ({
  test: {
    include: [mode === 'record' ? 'test/**/*.record.ts' : 'test/**/*.long.ts'],
    globalSetup: ['test/support/program-directory.ts'],
    maxWorkers: 1,
    testTimeout: TEST_TIMEOUT,
    hookTimeout: TEST_TIMEOUT,
    teardownTimeout: PATIENCE,
    expect: { poll: { timeout: PATIENCE } },
  },
}));
