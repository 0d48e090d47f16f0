// A power cut while the disk is written: the short form of killed-passes.long.ts.
import { expect, it } from 'vitest';
import { killInPasses } from './kills-in-passes.js';

it('C4.13 SIGKILL in the middle of disk passes leaves a valid tree, and the restart goes on with it', async () => {
  const { kills, segments } = await killInPasses(2, Math.random);
  expect(kills).toBe(2);
  expect(segments).toBeGreaterThan(0);
});
