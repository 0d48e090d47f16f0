import { describe, expect, it } from 'vitest';
import { ByteQueue } from '../../../src/protocols/bytes/byte-queue.js';

describe('ByteQueue', () => {
  it('gives buffers back in order and forgets them', () => {
    const queue = new ByteQueue();
    const [first, second] = [Buffer.from('ab'), Buffer.from('c')];
    queue.push(first);
    queue.push(Buffer.alloc(0));
    queue.push(second);
    expect(queue.length).toBe(3);
    expect(queue.take()).toBe(first);
    queue.push(first);
    expect(queue.take()).toBe(second);
    expect(queue.take()).toBe(first);
    expect(queue.take()).toBeUndefined();
    expect(queue.length).toBe(0);
  });
});
