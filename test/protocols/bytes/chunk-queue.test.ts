// The contract "at most one copy" is about memory identity, so the tests compare memory.
import { describe, expect, it } from 'vitest';
import { ChunkQueue } from '../../../src/protocols/bytes/chunk-queue.js';

function queueOf(...chunks: readonly string[]): ChunkQueue {
  const queue = new ChunkQueue();
  for (const chunk of chunks) queue.push(Buffer.from(chunk));
  return queue;
}

describe('ChunkQueue', () => {
  it('takes a view of a chunk that holds all of it', () => {
    const chunk = Buffer.from('abcdef');
    const queue = new ChunkQueue();
    queue.push(chunk);
    const taken = queue.take(3);
    expect(taken.toString()).toBe('abc');
    chunk[0] = 0x7a;
    expect(taken.toString()).toBe('zbc');
    expect(queue.take(3).toString()).toBe('def');
    expect(queue.length).toBe(0);
  });

  it('joins bytes from several chunks', () => {
    const queue = queueOf('ab', 'c', '', 'defg');
    expect(queue.take(5).toString()).toBe('abcde');
    expect(queue.length).toBe(2);
    expect(queue.take(2).toString()).toBe('fg');
  });

  it('peeks anywhere without taking', () => {
    const queue = queueOf('ab', 'cd', 'ef');
    expect(queue.peek(1, 4).toString()).toBe('bcde');
    expect(queue.peek(4, 10).toString()).toBe('ef');
    expect(queue.peek(6, 1)).toHaveLength(0);
    expect(queue.length).toBe(6);
  });

  it('skips at most what it has', () => {
    const queue = queueOf('ab', 'cd');
    expect(queue.skip(3)).toBe(3);
    expect(queue.skip(3)).toBe(1);
  });

  it('refuses to take more than it has', () => {
    expect(() => queueOf('ab').take(3)).toThrow(RangeError);
  });

  it('forgets everything when cleared', () => {
    const queue = queueOf('ab');
    queue.clear();
    expect(queue.length).toBe(0);
    expect(queue.take(0)).toHaveLength(0);
  });
});
