// Media that has left memory is read while it is sent: in pieces, a few at a time, and once for all who request the same.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { StoredBody } from '../../src/contracts/stored-body.js';
import { StoredReads } from '../../src/hls/store/stored-reads.js';
import type { ByteSpan } from '../../src/hls/window/segment.js';
import { MemoryStore } from '../support/memory-store.js';

const LARGE = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i & 0xff));

/** Answers reads when the test says so. */
class HeldStore extends MemoryStore {
  running = 0;
  most = 0;
  reads = 0;
  #release: () => void = () => undefined;
  #released = new Promise<void>((resolve) => {
    this.#release = resolve;
  });

  release(): void {
    this.#release();
  }

  override async readInto(path: string, start: number, into: Buffer): Promise<number | undefined> {
    this.reads += 1;
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    await this.#released;
    this.running -= 1;
    return super.readInto(path, start, into);
  }
}

async function bytesOf(body: StoredBody, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start);
  await body.read(start, bytes);
  return bytes;
}

async function open(reads: StoredReads, path = 'a', within?: ByteSpan): Promise<StoredBody> {
  const body = await reads.body(path, within);
  if (body === undefined || Buffer.isBuffer(body)) throw new Error('expected a body that is read in pieces');
  return body;
}

describe('stored reads', () => {
  it('reads a small file as a whole, and a large one in pieces on request', async () => {
    const store = new HeldStore();
    store.release();
    await store.write('a', LARGE);
    await store.write('b', LARGE.subarray(0, 1_000));
    const reads = new StoredReads(store);
    expect(await reads.body('b')).toEqual(LARGE.subarray(0, 1_000));
    expect(await reads.body('none')).toBeUndefined();
    const read = store.reads;
    const body = await open(reads);
    expect([body.length, store.reads]).toEqual([300_000, read]);
    expect(await bytesOf(body, 100, 70_000)).toEqual(LARGE.subarray(100, 70_000));
    expect(await bytesOf(body, 299_999, 300_000)).toEqual(LARGE.subarray(299_999));
  });

  it('reads part of a file, small or large', async () => {
    const store = new MemoryStore();
    await store.write('a', LARGE);
    const reads = new StoredReads(store);
    expect(await reads.body('a', { start: 5, end: 25 })).toEqual(LARGE.subarray(5, 25));
    const body = await open(reads, 'a', { start: 10, end: 290_010 });
    expect(body.length).toBe(290_000);
    expect(await bytesOf(body, 1, 3)).toEqual(LARGE.subarray(11, 13));
  });

  it('reads only a few at a time, however many are requested', async () => {
    const store = new HeldStore();
    await store.write('a', LARGE);
    const body = await open(new StoredReads(store));
    const wanted = Array.from({ length: 40 }, (_, i) => bytesOf(body, i, i + 1));
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    expect([store.running, store.reads]).toEqual([4, 4]);
    store.release();
    expect(Buffer.concat(await Promise.all(wanted))).toEqual(LARGE.subarray(0, 40));
    expect(store.most).toBe(4);
  });

  it('reads a small file once for all that request it while it is being read or held', async () => {
    const store = new HeldStore();
    store.release();
    await store.write('a', LARGE.subarray(0, 1_000));
    const reads = new StoredReads(store);
    const bodies = await Promise.all([reads.body('a'), reads.body('a')]);
    const again = await reads.body('a');
    expect(new Set([...bodies, again]).size).toBe(1);
    expect(store.reads).toBe(1);
  });

  it('hls.store-read: a file that disappears or shrinks while it is sent is an error, not a shorter body', async () => {
    const store = new MemoryStore();
    await store.write('a', LARGE);
    const body = await open(new StoredReads(store));
    await store.write('a', LARGE.subarray(0, 200_000));
    await expect(bytesOf(body, 199_000, 201_000)).rejects.toMatchObject({ code: 'hls.store-read' });
    await store.remove('a');
    await expect(bytesOf(body, 0, 10)).rejects.toMatchObject({ code: 'hls.store-read' });
  });
});
