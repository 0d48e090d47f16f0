// The box that carries an event, byte by byte, and as another program reads it.
import { describe, expect, it } from 'vitest';
import { eventMessageBox } from '../../../src/protocols/mp4/event-message.js';

const box = eventMessageBox({ id: 7, time: 2 ** 32 + 5, timescale: 90_000, description: 'sluice', text: '{"ä":1}' });

describe('an emsg box', () => {
  it('is of version 1, with the time in ticks of 64 bits and an unknown duration (ISO/IEC 23009-1 5.10.3.3)', () => {
    expect(box.readUInt32BE(0)).toBe(box.length);
    expect(box.toString('latin1', 4, 8)).toBe('emsg');
    expect(box.readUInt32BE(8)).toBe(0x01_00_00_00);
    expect(box.readUInt32BE(12)).toBe(90_000);
    expect(box.readBigUInt64BE(16)).toBe(2n ** 32n + 5n);
    expect(box.readUInt32BE(24)).toBe(0xff_ff_ff_ff);
    expect(box.readUInt32BE(28)).toBe(7);
    expect(box.toString('latin1', 32, 32 + 30)).toBe('https://aomedia.org/emsg/ID3\0\0');
  });

  it('contains one ID3v2.4 tag with a TXXX frame in UTF-8', () => {
    const tag = box.subarray(62);
    expect(tag.toString('latin1', 0, 5)).toBe('ID3\u0004\0');
    const sizes = [tag.subarray(6, 10), tag.subarray(14, 18)].map((bytes) =>
      bytes.reduce((size, byte) => size * 128 + byte, 0),
    );
    expect(sizes[0]).toBe(tag.length - 10);
    expect(sizes[1]).toBe(tag.length - 20);
    expect(tag.toString('latin1', 10, 14)).toBe('TXXX');
    expect(tag[20]).toBe(3);
    expect(tag.toString('utf8', 21)).toBe('sluice\0{"ä":1}');
  });

  it('encodes sizes with seven bits a byte', () => {
    const long = eventMessageBox({ id: 1, time: 0, timescale: 1, description: '', text: 'x'.repeat(1_000) });
    for (const at of [68, 76]) for (const byte of long.subarray(at, at + 4)) expect(byte).toBeLessThan(128);
  });
});
