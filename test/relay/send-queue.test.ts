// The queue of a target: it is bounded, and always begins with media from which a decoder can start.
import { describe, expect, it } from 'vitest';
import { SendQueue } from '../../src/relay/send-queue.js';
import type { RelayTag } from '../../src/relay/stream-source.js';

const LIMITS = { maxBytes: 5_000, maxAge: 5_000 };

function tag(name: string, dts: number, bytes = 10): RelayTag & { readonly name: string } {
  const kind = name.startsWith('a') ? 'audio' : name.startsWith('m') ? 'script' : 'video';
  const sequenceHeader = name.endsWith('H');
  const body = Buffer.alloc(bytes);
  const momentary = name.startsWith('mD');
  return { name, kind, dts, sequenceHeader, momentary, keyFrame: name.startsWith('key'), body, codec: undefined };
}

function setUp(limits = LIMITS) {
  let now = 0;
  const queue = new SendQueue(limits, () => now);
  const push = (...names: string[]) => {
    for (const name of names) queue.push(tag(name, now));
  };
  const taken = () => {
    const names: string[] = [];
    for (let next = queue.take(); next !== undefined; next = queue.take())
      names.push((next as { name: string } & RelayTag).name);
    return names.join(' ');
  };
  const later = (milliseconds: number) => {
    now += milliseconds;
  };
  return { queue, push, taken, later };
}

describe('SendQueue', () => {
  it('H1.07 begins with metadata, headers and a key frame, whatever came before', () => {
    const { queue, push, taken } = setUp();
    queue.connected();
    push('aH', 'vH', 'm', 'v1', 'a1', 'key', 'v2', 'a2');
    expect(taken()).toBe('m vH aH key v2 a2');
  });

  it('sends data messages in order, but not those from before a connection, and never instead of the metadata', () => {
    const { queue, push, taken } = setUp();
    push('m', 'vH', 'mD0', 'key', 'mD1', 'v1');
    queue.connected();
    push('mD2', 'v2');
    expect(taken()).toBe('m vH key mD1 v1 mD2 v2');
    queue.disconnected();
    push('mD3', 'v3');
    queue.connected();
    push('key2', 'mD4');
    expect(taken()).toBe('m vH key2 mD4');
  });

  it('H1.07 sends new headers before the key frame to which they belong', () => {
    const { queue, push, taken } = setUp();
    queue.connected();
    push('vH', 'key', 'v1', 'vH', 'key', 'v2');
    expect(taken()).toBe('vH key v1 vH key v2');
  });

  it('H1.07 keeps only the media for a new connection: from the newest key frame on', () => {
    const { queue, push, taken } = setUp();
    push('m', 'vH', 'aH', 'key', 'v1', 'key2', 'a2', 'v3');
    queue.connected();
    expect(taken()).toBe('m vH aH key2 a2 v3');
  });

  it('H1.07 waits for a key frame after a connection was lost, so that times never go back', () => {
    const { queue, push, taken } = setUp();
    queue.connected();
    push('vH', 'key', 'v1');
    expect(taken()).toBe('vH key v1');
    push('v2');
    queue.disconnected();
    push('v3', 'a3');
    queue.connected();
    push('v4', 'key5', 'v6');
    expect(taken()).toBe('vH key5 v6');
    expect(queue.dropped).toBe(1);
  });

  it('H1.06 drops pictures up to the next key frame beyond its bytes; sound and headers stay', () => {
    const { queue, push, taken } = setUp();
    queue.connected();
    push('vH', 'aH', 'key', 'a1');
    queue.push(tag('v2', 0, 4_990));
    push('a3', 'v4', 'vH', 'a5');
    expect(queue.bytes).toBeLessThan(LIMITS.maxBytes);
    push('key6', 'v7');
    expect(taken()).toBe('vH aH a1 a3 vH a5 key6 v7');
    expect(queue.dropped).toBe(3);
  });

  it('H1.06 drops pictures, and sound that is older, after five seconds', () => {
    const { queue, push, taken, later } = setUp();
    queue.connected();
    push('vH', 'aH', 'key', 'a1');
    later(3_000);
    push('v2', 'a3');
    later(2_500);
    queue.keepAge();
    push('v4', 'key5');
    expect(taken()).toBe('vH aH a3 key5');
    expect(queue.dropped).toBe(4);
  });

  it('H1.06 keeps no more than its bytes of headers and metadata that change, and counts messages without a body', () => {
    const { queue, push, taken } = setUp();
    queue.connected();
    push('vH', 'aH', 'key');
    for (let i = 0; i < 500; i++) {
      push('m', 'vH', 'aH', 'a');
      queue.push(tag('mD', 0, 0));
      expect(queue.bytes).toBeLessThanOrEqual(LIMITS.maxBytes);
    }
    const names = taken().split(' ');
    expect(names.length).toBeLessThan(LIMITS.maxBytes / 128);
    expect(names.lastIndexOf('aH')).toBeGreaterThan(-1);
  });

  it('H1.06 keeps no more than its bytes while there is no connection', () => {
    const { queue, push, taken } = setUp();
    push('vH', 'key');
    for (let i = 0; i < 500; i++) push('v');
    expect(queue.bytes).toBeLessThanOrEqual(LIMITS.maxBytes);
    queue.connected();
    expect(taken()).toBe('');
    push('key2');
    expect(taken()).toBe('vH key2');
  });

  it('sends sound alone if no picture comes for a second', () => {
    const { queue, push, taken, later } = setUp();
    queue.connected();
    push('aH', 'a1');
    later(1_000);
    push('a2');
    expect(taken()).toBe('aH a2');
  });
});
