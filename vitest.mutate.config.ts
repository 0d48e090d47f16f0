// Drops one bound or rule after the other and sees that a test notices: `npm run mutate`, with MUTATIONS=short those of the gate.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/mutate/**/*.mutate.ts'],
    maxWorkers: 1,
    testTimeout: 180_000,
    hookTimeout: 60_000,
    restoreMocks: true,
  },
});
