// Failed attempts are remembered by address. The memory is bounded, and all addresses of an IPv6 network count as one.
import { describe, expect, it } from 'vitest';
import { FailureMemory } from '../../src/access/failure-memory.js';

describe('failure memory', () => {
  it('counts all addresses of an IPv6 network as one, and each IPv4 address separately', () => {
    const memory = new FailureMemory();
    expect(memory.record('2001:db8:1:2:3:4:5:6', 0)).toBe(1);
    expect(memory.record('2001:db8:1:2::9', 0)).toBe(2);
    expect(memory.record('2001:db8:1:3::9', 0)).toBe(1);
    expect(memory.record('2001:db8::1', 0)).toBe(1);
    expect(memory.record('2001:db8::2', 0)).toBe(2);
    expect(memory.record('::1', 0)).toBe(1);
    expect(memory.record('192.0.2.1', 0)).toBe(1);
    expect(memory.record('192.0.2.2', 0)).toBe(1);
    expect(memory.record('::ffff:192.0.2.1', 0)).toBe(2);
    expect(memory.record('::FFFF:c000:202', 0)).toBe(2);
  });

  it('is bounded, and drops the address whose failure is the oldest', () => {
    const memory = new FailureMemory();
    memory.record('a', 0);
    memory.record('b', 0);
    memory.record('a', 1);
    for (let i = 0; i < 49_999; i++) memory.record(`c${i}`, 2);
    expect(memory.size).toBe(50_000);
    expect(memory.record('a', 3)).toBe(3);
    expect(memory.record('b', 3)).toBe(1);
  });
});
