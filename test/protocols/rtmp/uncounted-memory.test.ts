// Media in shared memory, which V8 does not count. Its garbage therefore needs its own limit.
import { setImmediate as pass } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { UncountedMemory } from '../../../src/protocols/rtmp/uncounted-memory.js';

const BLOCK = 256 * 1024;

const isShared = ({ buffer }: Buffer): boolean => buffer instanceof SharedArrayBuffer;

describe('memory that V8 does not count', () => {
  it('has a limit in bytes: memory beyond it is counted', () => {
    const memory = new UncountedMemory();
    const blocks = Array.from({ length: 200 }, () => memory.allocate(BLOCK));
    expect(blocks.filter(isShared)).toHaveLength(128);
    expect(isShared(memory.allocate(1))).toBe(false);
  });

  it('is available again when V8 has collected garbage', async () => {
    const memory = new UncountedMemory(2 * BLOCK);
    const isUsedUp = (): boolean => {
      memory.allocate(BLOCK);
      memory.allocate(BLOCK);
      return !isShared(memory.allocate(BLOCK));
    };
    expect(isUsedUp()).toBe(true);
    // Counted buffers make V8 collect garbage sooner or later.
    while (!isShared(memory.allocate(BLOCK))) {
      Buffer.allocUnsafeSlow(16 * 1024 * 1024);
      await pass();
    }
  });
});
