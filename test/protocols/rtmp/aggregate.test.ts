// Aggregate messages are split, with their timestamps, even if they are cut or lie about their sizes.
import { describe, expect, it } from 'vitest';
import { AggregateReader } from '../../../src/protocols/rtmp/aggregate.js';
import type { RawMessage } from '../../../src/protocols/rtmp/messages.js';
import { subMessage } from './wire-writer.js';

function read(body: Buffer, timestamp = 1000): RawMessage[] {
  const reader = new AggregateReader({ type: 'aggregate', messageStreamId: 1, timestamp, body });
  const parts: RawMessage[] = [];
  for (let part = reader.next(); part !== undefined; part = reader.next()) parts.push(part);
  return parts;
}

describe('AggregateReader', () => {
  it('A2.22 shifts timestamps so that the first is that of the message, even beyond 24 bits', () => {
    const parts = read(
      Buffer.concat([
        subMessage(9, 0xfffff0, Buffer.of(1)),
        subMessage(8, 0x1000010, Buffer.of(2, 3)),
        subMessage(9, 0x1000020, Buffer.of(4)),
      ]),
    );
    expect(parts.map(({ type, timestamp, body }) => [type, timestamp, [...body]])).toEqual([
      [9, 1000, [1]],
      [8, 1032, [2, 3]],
      [9, 1048, [4]],
    ]);
  });

  it('A2.22 ignores back pointers and a missing last one', () => {
    const whole = Buffer.concat([subMessage(9, 0, Buffer.of(1)), subMessage(9, 5, Buffer.of(2))]);
    whole.fill(0xff, 12, 16);
    expect(read(whole.subarray(0, whole.length - 4))).toHaveLength(2);
  });

  it('A2.22 C2.12 drops the rest after a sub-message that is cut or larger than the body', () => {
    const good = subMessage(9, 0, Buffer.of(1));
    expect(read(Buffer.concat([good, subMessage(9, 5, Buffer.of(2), 0xffffff), good]))).toHaveLength(1);
    expect(read(Buffer.concat([good, good.subarray(0, 10)]))).toHaveLength(1);
    expect(read(good.subarray(0, 11))).toHaveLength(0);
    expect(read(Buffer.alloc(0))).toHaveLength(0);
  });

  it('gives each sub-message its own memory', () => {
    const body = subMessage(9, 0, Buffer.of(1));
    const [part] = read(body);
    body.fill(0);
    expect([...(part as RawMessage).body]).toEqual([1]);
  });

  it('allows no nested aggregate', () => {
    expect(read(subMessage(22, 0, subMessage(9, 0, Buffer.of(1))))).toHaveLength(0);
  });

  it('C2.12 leaves out control messages and empty ones, of which thousands fit in one message', () => {
    const controls = [1, 2, 3, 4, 5, 6].map((type) => subMessage(type, 0, Buffer.of(0, 6, 0, 0, 0, 1)));
    const body = Buffer.concat([...controls, subMessage(8, 0, Buffer.alloc(0)), subMessage(9, 40, Buffer.of(1))]);
    expect(read(body).map(({ type, timestamp }) => [type, timestamp])).toEqual([[9, 1040]]);
  });
});
