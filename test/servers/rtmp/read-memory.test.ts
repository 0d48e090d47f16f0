// Memory of data read from sockets is freed without waiting for the garbage collector.
import { describe, expect, it } from 'vitest';
import { ReadMemory } from '../../../src/servers/rtmp/session-pump.js';

describe('memory of reads', () => {
  it('is freed with that of the next reads', () => {
    const memory = new ReadMemory();
    const reads = Array.from({ length: 40 }, () => Buffer.from(new ArrayBuffer(1000)));
    for (const read of reads) memory.giveBack(read);
    expect(reads.filter(({ length }) => length > 0).length).toBeLessThan(16);
  });

  it('is left alone if it belongs to a larger buffer, or is shared', () => {
    const memory = new ReadMemory();
    const larger = Buffer.from(new ArrayBuffer(1000));
    const shared = Buffer.from(new SharedArrayBuffer(1000));
    for (let i = 0; i < 40; i += 1) {
      memory.giveBack(larger.subarray(0, 500));
      memory.giveBack(shared);
      memory.giveBack(Buffer.from('from the pool of Node'));
    }
    expect([larger.length, shared.length]).toEqual([1000, 1000]);
    expect(Buffer.from('still from the pool').toString()).toBe('still from the pool');
  });
});
