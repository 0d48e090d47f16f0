// The table of mutations must be up to date: each text occurs in its file, and each test exists.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ROOT } from './mutate/mutant.js';
import { MUTATIONS } from './mutate/mutations.js';

const read = (file: string): string => readFileSync(`${ROOT}/${file}`, 'utf8');

describe('the table of mutations', () => {
  it('has each entry once', () => {
    expect(new Set(MUTATIONS.map(({ drops }) => drops)).size).toBe(MUTATIONS.length);
  });

  it.each(MUTATIONS)('finds what it drops once: $drops', ({ file, text, replacement }) => {
    expect(read(file).split(text)).toHaveLength(2);
    expect(replacement).not.toBe(text);
  });

  it.each(MUTATIONS)('names an existing test, against dropping $drops', ({ test, title }) => {
    expect(read(test)).toContain(title);
  });
});
