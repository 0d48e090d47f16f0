// RFC 8216bis 6.2.2: a file that left the playlist stays on disk for as long as a player may request it, and no longer.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { MemoryStore } from '../support/memory-store.js';
import { serveSamples } from './origin-under-test.js';
import { recordInits } from './recorded-inits.js';

it('B1.09 keeps a segment for the longest playlist and two segments more after it left', async () => {
  const store = new MemoryStore();
  const { stream } = serveSamples(await recordInits(), { store });
  const path = 'live/test/source/seg-1000.m4s';
  const isListed = async () => (await store.read('live/test/source/index.m3u8'))?.includes('seg-1000.m4s') === true;
  /** For each state: the second of the stream in which it was first seen. */
  const since = { listed: 0, unlisted: 0, removed: 0 };
  for (let second = 1; since.removed === 0; second += 1) {
    stream.play(25);
    for (let turn = 0; turn < 60; turn += 1) await nextTurn();
    if (since.listed === 0 && (await isListed())) since.listed = second;
    if (since.listed > 0 && since.unlisted === 0 && !(await isListed())) since.unlisted = second;
    if (since.unlisted > 0 && (await store.size(path)) === undefined) since.removed = second;
  }
  // Six segments of two seconds are listed; the disk is brought up to date whenever a segment is complete.
  const longest = since.unlisted - since.listed;
  expect(longest).toBeGreaterThanOrEqual(12);
  expect(since.removed - since.unlisted).toBeGreaterThanOrEqual(12 + 2 * 2);
  expect(since.removed - since.unlisted).toBeLessThanOrEqual(12 + 2 * 2 + 4);
});
