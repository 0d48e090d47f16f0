// Control messages at the moments when encoders send them.
import { describe, expect, it } from 'vitest';
import { AcknowledgementCounter } from '../../../src/protocols/rtmp/message-transport.js';
import { TestPeer } from './test-peer.js';
import { pattern, subMessage, u32 } from './wire-writer.js';

const keyFrame = Buffer.concat([Buffer.of(0x17, 1, 0, 0, 0), pattern(50)]);

/** The sequence numbers acknowledged so far. */
function acknowledged(peer: TestPeer): number[] {
  return peer.answers.filter(({ type }) => type === 3).map(({ body }) => body.readUInt32BE(0));
}

describe('control messages', () => {
  it('A2.01 applies a chunk size that comes before connect', () => {
    const peer = new TestPeer().handshake().control(1, u32(4096));
    peer.writer.chunkSize = 4096;
    const app = 'a'.repeat(200);
    expect(peer.connectOnly([['app', app]]).eventsOf('connected')[0]?.app).toBe(app);
  });

  it('A2.22 passes on the messages of an aggregate one by one', () => {
    const peer = new TestPeer().publish();
    const body = Buffer.concat([
      subMessage(9, 70, keyFrame),
      subMessage(8, 75, Buffer.of(0xaf, 1)),
      subMessage(8, 80, Buffer.alloc(0)),
      subMessage(9, 110, Buffer.of(0x27, 1)),
    ]);
    peer.message(22, body, { timestamp: 1000 });
    peer.message(8, Buffer.of(0xaf, 2), { timestamp: 1100, chunkStreamId: 4 });
    expect(peer.eventsOf('media').map(({ kind, timestamp, body: got }) => [kind, timestamp, got.length])).toEqual([
      ['video', 1000, keyFrame.length],
      ['audio', 1005, 2],
      ['video', 1040, 2],
      ['audio', 1100, 2],
    ]);
  });

  it('A2.22 survives an aggregate that is cut, and continues', () => {
    const peer = new TestPeer().publish().message(22, subMessage(9, 0, keyFrame, 5000));
    expect(peer.message(9, keyFrame).eventsOf('media')).toHaveLength(1);
  });

  it('A2.23 ignores messages without a body', () => {
    const peer = new TestPeer().publish();
    for (const type of [0, 1, 2, 3, 4, 5, 6, 8, 9, 15, 17, 18, 20, 22, 99]) peer.message(type, Buffer.alloc(0));
    expect(peer.events.map(({ type }) => type)).toEqual(['connected', 'publish-request']);
    expect(peer.session.stage).toBe('publishing');
  });

  it('A2.24 reads control messages on any chunk stream and message stream', () => {
    const peer = new TestPeer().publish().message(4, Buffer.from('000600000007', 'hex'), { chunkStreamId: 4 });
    expect(peer.answers.at(-1)?.body.toString('hex')).toBe('000700000007');
  });

  it('A2.25 ignores unknown user control events and bodies of any length', () => {
    const peer = new TestPeer().publish();
    const before = peer.answers.length;
    for (const event of [31, 32, 8, 65_535]) {
      for (const length of [0, 1, 3, 4, 8, 40, 1000]) {
        peer.message(4, Buffer.concat([Buffer.of(event >> 8, event & 0xff), pattern(length)]), { chunkStreamId: 2 });
      }
    }
    peer.message(4, Buffer.of(0), { chunkStreamId: 2 }).message(4, Buffer.of(0, 6, 1), { chunkStreamId: 2 });
    expect(peer.answers).toHaveLength(before);
    expect(peer.session.stage).toBe('publishing');
  });

  it('A2.26 skips unknown message types', () => {
    const peer = new TestPeer().publish();
    for (const type of [0, 7, 10, 11, 12, 13, 14, 16, 19, 21, 23, 64, 255]) peer.message(type, pattern(40));
    expect(peer.message(9, keyFrame).eventsOf('media')).toHaveLength(1);
    expect(peer.session.stage).toBe('publishing');
  });

  it('A2.27 ignores acknowledgements and answers SetPeerBandwidth with the window', () => {
    const peer = new TestPeer().publish();
    const before = peer.answers.length;
    peer.control(3, u32(12_345));
    expect(peer.answers).toHaveLength(before);
    peer.control(6, Buffer.concat([u32(5_000_000), Buffer.of(2)]));
    expect(peer.answers.slice(before)).toMatchObject([{ type: 5, chunkStreamId: 2, body: u32(5_000_000) }]);
  });

  it('A2.28 closes with one reason when the chunk stream is corrupted', () => {
    const peer = new TestPeer().publish().send(pattern(1).fill(0xee), pattern(10_000, 3), pattern(10_000, 4));
    expect(peer.eventsOf('closed')).toHaveLength(1);
    expect(peer.closedWith).toMatch(/^rtmp\./);
  });
});

describe('acknowledgements and pings', () => {
  it('A3.01 A3.02 acknowledges all bytes received, at least once per window of the peer', () => {
    const peer = new TestPeer().publish().control(5, u32(10_000));
    for (let index = 0; index < 40; index += 1) peer.message(9, pattern(1000), { timestamp: index });
    const numbers = acknowledged(peer);
    expect(numbers.length).toBeGreaterThanOrEqual(4);
    for (const [index, number] of numbers.entries()) {
      expect(number - (numbers[index - 1] ?? 0)).toBeLessThanOrEqual(10_000);
    }
    expect(numbers.at(-1)).toBeGreaterThan(peer.session.bytesReceived - 10_000);
  });

  it('A3.03 continues beyond 4 GiB', () => {
    const peer = new TestPeer({ acknowledgements: new AcknowledgementCounter(2 ** 32 - 2 ** 20) }).publish();
    peer.control(5, u32(2 ** 20));
    for (let index = 0; index < 40; index += 1) peer.message(9, pattern(100_000), { timestamp: index });
    const numbers = acknowledged(peer);
    const wraps = numbers.filter((number, index) => number < (numbers[index - 1] ?? 0));
    expect(wraps).toHaveLength(1);
    expect(peer.eventsOf('media')).toHaveLength(40);
    expect(peer.session.bytesReceived).toBeGreaterThan(2 ** 32);
  });

  it('A3.10 acknowledges to the end a session of three minutes whose peer also sends acknowledgements', () => {
    const window = 2_500_000;
    const peer = new TestPeer().publish().control(5, u32(window)).control(1, u32(4096));
    peer.writer.chunkSize = 4096;
    const frame = pattern(20_000);
    for (let index = 0; index < 180 * 30; index += 1) {
      peer.message(9, frame, { timestamp: Math.round((index * 1000) / 30) });
      // Wirecast reports what it has received as well, which means nothing to a receiver of media.
      if (index % 30 === 0) peer.control(3, u32(index));
      // The peer counts its bytes too: it must never have sent a whole window that was not acknowledged.
      expect(peer.session.bytesReceived - (acknowledged(peer).at(-1) ?? 0)).toBeLessThanOrEqual(window);
      if (peer.answers.length > 200) peer.answers.splice(0, 100);
      peer.events.length = 0;
    }
    expect(peer.session.stage).toBe('publishing');
    expect(peer.session.bytesReceived).toBeGreaterThan(40 * window);
  });

  it('A3.04 acknowledges with the default window to a peer that sends none', () => {
    const peer = new TestPeer().publish();
    for (let index = 0; index < 30; index += 1) peer.message(9, pattern(100_000), { timestamp: index });
    expect(acknowledged(peer)).toHaveLength(2);
  });

  it('A3.06 answers a ping with its own four bytes', () => {
    const peer = new TestPeer().connect().control(4, Buffer.from('0006cafebabe', 'hex'));
    expect(peer.answers.at(-1)).toMatchObject({ type: 4, chunkStreamId: 2, messageStreamId: 0 });
    expect(peer.answers.at(-1)?.body.toString('hex')).toBe('0007cafebabe');
  });

  it('A3.07 pings on demand, and survives an answer or none', () => {
    const peer = new TestPeer();
    peer.session.ping(1);
    expect(peer.session.takeOutput()).toBeUndefined();
    peer.publish().session.ping(0x01020304);
    expect(peer.settle().answers.at(-1)?.body.toString('hex')).toBe('000601020304');
    peer.control(4, Buffer.from('000701020304', 'hex'));
    expect(peer.session.stage).toBe('publishing');
  });
});
