// Power cuts at random moments while the disk is written. KILLS sets their number.
import { expect, it } from 'vitest';
import { killInPasses } from './kills-in-passes.js';

const KILLS = Number(process.env['KILLS'] ?? 200);

it('C4.13 SIGKILL at random moments of disk passes leaves a valid tree each time, and the restart goes on with it', {
  timeout: KILLS * 20_000,
}, async () => {
  const { kills, segments, unfinished } = await killInPasses(KILLS, Math.random);
  process.stdout.write(
    `${kills} kills, ${segments} listed segments read, ${unfinished} files that no playlist listed yet\n`,
  );
  expect(kills).toBe(KILLS);
  // Some kills happened after a file was written and before the playlist that lists it.
  expect(unfinished).toBeGreaterThan(0);
});
