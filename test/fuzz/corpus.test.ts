// Replays the inputs that the fuzzer has kept: those that reach all known code, and those that once broke something.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { TARGETS } from './targets.js';

const here = fileURLToPath(new URL('.', import.meta.url));

function kept(kind: string, target: string): Buffer[] {
  const dir = join(here, kind, target);
  return existsSync(dir) ? readdirSync(dir).map((file) => readFileSync(join(dir, file))) : [];
}

describe.each(TARGETS)('fuzz target $name', (target) => {
  it('C2.10 accepts its seeds, the saved corpus and earlier findings', () => {
    const inputs = [...target.seeds, ...kept('corpus', target.name), ...kept('regressions', target.name)];
    expect(inputs.length).toBeGreaterThan(1);
    for (const input of inputs) target.run(input);
  });
});
