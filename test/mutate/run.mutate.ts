// `npm run mutate`: each limit and each security rule is dropped in a copy, and the named test must fail.
// MUTATIONS=short tries the few of CI, MUTATIONS=TEXT those whose name contains that text.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Mutant } from './mutant.js';
import { MUTATIONS } from './mutations.js';

const asked = process.env.MUTATIONS ?? '';
const chosen = MUTATIONS.filter(({ short, drops }) => (asked === 'short' ? short === true : drops.includes(asked)));

let directory: string;
let mutant: Mutant;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-mutant-'));
  mutant = await Mutant.copy(directory);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe.each(chosen)('without $drops', (mutation) => {
  it(`"${mutation.title}" fails, and with it passes`, async () => {
    // In the short form, CI has just seen that the test passes.
    if (asked !== 'short') {
      const before = await mutant.run(mutation);
      expect(before.failed, before.output).toBe(0);
      expect(before.passed, before.output).toBeGreaterThan(0);
    }
    const after = await mutant.with(mutation, () => mutant.run(mutation));
    expect(after.failed, after.output).toBeGreaterThan(0);
  });
});
