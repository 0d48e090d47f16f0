// The documentation of options is generated: compares the pages and the help text with the schema.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fileOptionsTable, optionsHelp, optionsTable } from '../../src/config/documentation.js';
import { FILE_OPTIONS, OPTIONS } from '../../src/config/option.js';

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

describe('documentation of the options', () => {
  it('in docs/configuration.md is the generated table', () => {
    const table = page.slice(page.indexOf('| Key |'), page.indexOf('\n\n', page.indexOf('| Key |')));
    expect(table).toBe(optionsTable());
  });

  it('has the generated table of the file-only options', () => {
    expect(page).toContain(`\n${fileOptionsTable()}\n`);
  });

  it('C2 names every configurable limit in docs/limits.md', () => {
    const limits = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8');
    const bounds = FILE_OPTIONS.filter(({ key }) => /^max|Timeout$|^takeover|PerTurn$|Interval$|^free/.test(key));
    expect(bounds.length).toBeGreaterThan(15);
    for (const { key } of bounds) expect(limits).toContain(`\`${key}\``);
  });

  it('lists every flag in the help text, in at most 100 columns', () => {
    const help = optionsHelp();
    for (const { flag, environment, placeholder } of OPTIONS)
      expect(help).toContain(`${flag ?? environment[0]} ${placeholder}`);
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });
});
