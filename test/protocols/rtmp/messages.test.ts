// Messages and commands, compared with their vectors: decoded, encoded, and refused if they are meaningless.
import { describe, expect, it } from 'vitest';
import { encodeAmf0 } from '../../../src/protocols/amf/amf0-encoder.js';
import { decodeMessage } from '../../../src/protocols/rtmp/message-decoder.js';
import { encodeMessage } from '../../../src/protocols/rtmp/message-encoder.js';
import { mediaMessage } from '../../../src/protocols/rtmp/message-transport.js';
import { MESSAGE_VECTORS } from '../../vectors/rtmp-messages.js';

function rawCommand(body: Buffer, type = 20) {
  return { chunkStreamId: 3, timestamp: 0, type, messageStreamId: 0, body };
}

describe('message vectors', () => {
  it.each(MESSAGE_VECTORS)('decodes $name', ({ type, hex, value, messageStreamId = 0, timestamp = 0 }) => {
    const raw = { chunkStreamId: 9, timestamp, type, messageStreamId, body: Buffer.from(hex, 'hex') };
    expect(mediaMessage(raw) ?? decodeMessage(raw)).toEqual(value);
  });

  it.each(MESSAGE_VECTORS.filter(({ canonical }) => canonical !== false))(
    'encodes $name',
    ({ type, hex, value, messageStreamId = 0, timestamp = 0 }) => {
      if (value.type === 'unknown') throw new Error('not sendable');
      const raw = encodeMessage(value);
      expect({ ...raw, body: raw.body.toString('hex') }).toMatchObject({ type, messageStreamId, timestamp, body: hex });
    },
  );
});

describe('commands', () => {
  it.each([
    ['a name that is a number', [1, 1, null]],
    ['no value at all', []],
    ['a transaction id of NaN', ['connect', Number.NaN]],
    ['an infinite transaction id', ['connect', Number.POSITIVE_INFINITY]],
  ])('C2.09 refuses %s', (_name, values) => {
    expect(() => decodeMessage(rawCommand(encodeAmf0(values)))).toThrow(
      expect.objectContaining({ code: 'rtmp.command' }),
    );
  });

  it('C2.09 refuses what is not AMF0', () => {
    expect(() => decodeMessage(rawCommand(Buffer.from('ffffffff', 'hex')))).toThrow(
      expect.objectContaining({ code: 'rtmp.command', cause: expect.objectContaining({ code: 'amf.malformed' }) }),
    );
  });

  it('answers the connection on chunk stream 3 and reports on a stream on 5, as Flash Media Server does', () => {
    const command = { type: 'command', name: 'onStatus', transactionId: 0, values: [null] } as const;
    expect(encodeMessage({ ...command, messageStreamId: 0 }).chunkStreamId).toBe(3);
    expect(encodeMessage({ ...command, messageStreamId: 1 }).chunkStreamId).toBe(5);
    expect(encodeMessage({ type: 'abort', chunkStreamId: 9 }).chunkStreamId).toBe(2);
  });
});
