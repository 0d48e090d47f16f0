import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { optionsHelp, optionsTable } from '../../src/config/documentation.js';
import { OPTIONS } from '../../src/config/option.js';

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

describe('documentation of the options', () => {
  it('is the generated table in docs/configuration.md', () => {
    const table = page.slice(page.indexOf('| Key |'), page.indexOf('\n\n', page.indexOf('| Key |')));
    expect(table).toBe(optionsTable());
  });

  it('lists every flag in the help text, in at most 100 columns', () => {
    const help = optionsHelp();
    for (const option of OPTIONS) expect(help).toContain(`${option.flag} ${option.placeholder}`);
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });
});
