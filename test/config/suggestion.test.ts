// An error about a misspelt option suggests the right one, and a very long name takes no time.
import { describe, expect, it } from 'vitest';
import { didYouMean, suggest } from '../../src/config/suggestion.js';

const flags = ['--http-port', '--host', '--rtmp-port', '--ladder'];

describe('suggestion', () => {
  it.each([
    ['--http-prot', '--http-port'],
    ['--httpport', '--http-port'],
    ['--HOST', '--host'],
    ['--lader', '--ladder'],
    ['--zebra', undefined],
  ])('%s -> %s', (word, expected) => {
    expect(suggest(word, flags)).toBe(expected);
  });

  it('is fast for a word of any length', () => {
    expect(didYouMean('x'.repeat(1_000_000), flags)).toBe('');
  });
});
