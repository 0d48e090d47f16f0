// Text from peers stays on one short line of the log, and cannot forge another.
import { describe, expect, it } from 'vitest';
import { printable } from '../../../src/servers/rtmp/log-fields.js';

describe('log fields', () => {
  it.each([
    ['plain', 'show-1_ä日本', 'show-1_ä日本'],
    ['a new line', 'a\r\nlevel=50', 'a\\u{d}\\u{a}level=50'],
    ['a terminal escape', '\u001b[31mred', '\\u{1b}[31mred'],
    ['NUL and DEL', '\0\u007f', '\\u{0}\\u{7f}'],
    ['C1 controls', '\u009b31m', '\\u{9b}31m'],
    ['line and paragraph separators', 'a\u2028b\u2029c', 'a\\u{2028}b\\u{2029}c'],
    ['bidirectional override', 'a\u202etxt', 'a\\u{202e}txt'],
    ['a lone surrogate', 'a\ud800', 'a\\u{d800}'],
    ['a faked escape', '\\u{a}', '\\\\u{a}'],
  ])('C3.05 escapes %s', (_, text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it.each([
    ['letters', 'x'.repeat(100_000)],
    ['characters of three bytes', '日'.repeat(300)],
    ['characters of four bytes', '😀'.repeat(300)],
    ['controls, which grow when escaped', '\n'.repeat(200)],
  ])('C3.05 keeps at most 256 bytes of %s', (_, text) => {
    const short = printable(text);
    expect(Buffer.byteLength(short)).toBeLessThanOrEqual(256);
    expect(short.endsWith('…')).toBe(true);
    expect(short).not.toContain('\ufffd');
  });
});
