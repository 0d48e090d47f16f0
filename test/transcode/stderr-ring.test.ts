// Endless output on stderr is kept within bounds.
import { expect, it } from 'vitest';
import { StderrRing } from '../../src/transcode/stderr-ring.js';
import { heapInUse } from '../support/collect-garbage.js';

it('keeps only the beginning of a line that does not end', () => {
  const ring = new StderrRing();
  const before = heapInUse();
  for (let i = 0; i < 200; i += 1) ring.push(Buffer.alloc(65_536, 'x'));
  // All of it is 13 MB.
  expect(heapInUse() - before).toBeLessThan(3_000_000);
  ring.end();
  expect(ring.lines).toEqual(['x'.repeat(400)]);
});

it('keeps the last forty lines', () => {
  const ring = new StderrRing();
  for (let i = 0; i < 100; i += 1) ring.push(Buffer.from(`line ${i}\n`));
  expect([ring.lines.length, ring.lines[0], ring.count]).toEqual([40, 'line 60', 100]);
});
