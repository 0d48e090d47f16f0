// Bytes go through in order, and memory that was only borrowed is not kept.
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

  it('keeps what it borrowed by one copy of each buffer', () => {
    const queue = new ByteQueue();
    const lent = Buffer.from('ab');
    queue.push(lent);
    queue.push(lent);
    queue.take();
    queue.keep();
    lent.fill(0);
    queue.push(lent);
    queue.keep();
    lent.fill(1);
    const kept = queue.take();
    expect(kept).toEqual(Buffer.from('ab'));
    expect(queue.take()).toEqual(Buffer.alloc(2));
    queue.push(lent);
    queue.keep();
    expect(queue.take()).not.toBe(lent);
  });
});
