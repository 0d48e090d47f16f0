// A publisher that comes back all day makes epochs all day; only those that can still be shown are remembered.
import { expect, it } from 'vitest';
import { Epochs } from '../../src/hls/timeline/epochs.js';

it('remembers the newest epochs, and numbers them as if it remembered all', () => {
  const epochs = new Epochs({ firstDiscontinuitySequence: 0, continuesEarlier: false });
  for (let i = 0; i < 300; i += 1) epochs.begin(i * 10, i);
  expect(epochs.at(2_995)).toMatchObject({ startIndex: 2_990, discontinuityNumber: 299 });
  expect(epochs.at(44 * 10)).toMatchObject({ startIndex: 440, discontinuityNumber: 44 });
  expect(epochs.at(43 * 10)).toBeUndefined();
});
