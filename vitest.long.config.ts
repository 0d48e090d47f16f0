// What takes too long for every run of the suite, or writes its vectors: `npm run long [-- FILTER]`, `npm run record`.
import { defineConfig } from 'vitest/config';

export default defineConfig(({ mode }) => ({
  test: {
    include: [mode === 'record' ? 'test/**/*.record.ts' : 'test/**/*.long.ts'],
    globalSetup: ['test/support/program-directory.ts'],
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
}));
