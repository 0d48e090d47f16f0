// Every limit of a session is exceeded: the session closes with the code of that limit and keeps nothing.
import { describe, expect, it } from 'vitest';
import { encodeAmf0 } from '../../../src/protocols/amf/amf0-encoder.js';
import { amfObject } from '../../../src/protocols/amf/values.js';
import { DEFAULT_RTMP_LIMITS } from '../../../src/protocols/rtmp/limits.js';
import { ServerSession } from '../../../src/protocols/rtmp/server-session.js';
import { plainHandshake, TestPeer } from './test-peer.js';
import { basicHeader, messageHeader, pattern, u32 } from './wire-writer.js';

const anyMessage = { chunkStreamId: 2, timestamp: 0, type: 4, messageStreamId: 0, body: Buffer.alloc(6) };

/** The same message many times, with one-byte headers after the first: the cheapest possible flood. */
function flood(type: number, body: Buffer, count: number, chunkStreamId = 2): Buffer {
  const message = { ...anyMessage, type, body, chunkStreamId };
  const parts = [basicHeader(0, chunkStreamId), messageHeader(0, 0, message), body];
  for (let index = 1; index < count; index += 1) parts.push(basicHeader(3, chunkStreamId), body);
  return Buffer.concat(parts);
}

function outputFor(input: Buffer): number {
  const session = new ServerSession();
  session.receive(plainHandshake());
  session.takeOutput();
  session.receive(input);
  while (session.nextEvent() !== undefined);
  return session.takeOutput()?.length ?? 0;
}

describe('abuse', () => {
  it('C2.04 closes on a message that is announced too long, and keeps nothing', () => {
    const peer = new TestPeer().publish();
    const head = messageHeader(0, 0, { ...anyMessage, type: 9 }, DEFAULT_RTMP_LIMITS.maxVideoMessageBytes + 1);
    peer.send(Buffer.concat([basicHeader(0, 6), head]));
    expect(peer.closedWith).toBe('rtmp.message-size');
    expect(peer.events.map(({ type }) => type)).toEqual(['connected', 'publish-request', 'unpublish', 'closed']);
    expect(peer.session.pendingBytes).toBe(0);
  });

  it('C2.05 closes at the 65th chunk stream', () => {
    const peer = new TestPeer().connect();
    for (let id = 100; id < 165; id += 1) {
      peer.send(
        Buffer.concat([basicHeader(0, id), messageHeader(0, 0, { ...anyMessage, type: 9 }, 1000), pattern(128)]),
      );
    }
    expect(peer.closedWith).toBe('rtmp.chunk-streams');
  });

  it.each([0, 1, 127, 0x80000000])('C2.06 closes on chunk size %d', (size) => {
    expect(new TestPeer().publish().control(1, u32(size)).closedWith).toBe('rtmp.chunk-size');
  });

  it.each([
    ['pings', 4, Buffer.from('000600000001', 'hex')],
    ['bandwidths', 6, Buffer.from('0000000102', 'hex')],
    ['unknown commands', 20, encodeAmf0(['x', 1])],
    ['acknowledgements', 3, u32(1)],
    ['windows of one byte', 5, u32(1)],
  ])('C2.08 answers a flood of %s with no more bytes than it had', (_name, type, body) => {
    const input = flood(type, body, 20_000);
    expect(outputFor(input)).toBeLessThanOrEqual(input.length + 2 * 1536);
  });

  it('C2.08 answers a flood of FCPublish with no more bytes than it received', () => {
    const peer = new TestPeer().connect();
    peer.session.receive(flood(20, encodeAmf0(['FCPublish', 1]), 5000, 9));
    while (peer.session.nextEvent() !== undefined);
    expect(peer.session.takeOutput()?.length ?? 0).toBeLessThanOrEqual(peer.session.bytesReceived + 1536);
  });

  it('C2.07 takes a million messages without a body without causing an event', () => {
    const peer = new TestPeer().publish();
    const head = Buffer.concat([basicHeader(0, 9), messageHeader(0, 0, { ...anyMessage, body: Buffer.alloc(0) })]);
    peer.send(head, Buffer.alloc(1_000_000, basicHeader(3, 9)[0]));
    expect(peer.events).toHaveLength(2);
    expect(peer.session.stage).toBe('publishing');
  });

  it('stops working when nobody takes its events', () => {
    const session = new ServerSession();
    session.receive(plainHandshake());
    const peer = new TestPeer();
    session.receive(Buffer.concat([...Array.from({ length: 20 }, () => peer.commandBytes('createStream', 2))]));
    expect(session.stage).toBe('connecting');
    expect(session.nextEvent()).toMatchObject({ type: 'closed' });
  });

  it.each([
    ['no AMF', Buffer.from('ffffffff', 'hex')],
    ['70,000 nested objects', Buffer.concat([encodeAmf0(['x', 1]), Buffer.from('03000161'.repeat(60_000), 'hex')])],
    ['a transaction id of NaN', encodeAmf0(['connect', Number.NaN])],
    ['an array of 4 G values', Buffer.concat([encodeAmf0(['connect', 1]), Buffer.from('0affffffff', 'hex')])],
  ])('C2.09 closes on a command with %s', (_name, body) => {
    expect(new TestPeer().handshake().message(20, body).closedWith).toBe('rtmp.command');
  });

  it('C2.09 C3.08 takes hostile keys in connect for plain keys', () => {
    const peer = new TestPeer().connect([
      ['app', 'live'],
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(peer.session.stage).toBe('connected');
    expect(Object.prototype).not.toHaveProperty('app');
  });

  it('C2.09 uses the AMF limits of its options, for commands and for metadata', () => {
    const limits = { ...DEFAULT_RTMP_LIMITS, amf: { maxDepth: 2, maxValues: 20, maxStringBytes: 100 } };
    const nested = amfObject([['a', amfObject([['b', amfObject([])]])]]);
    const peer = new TestPeer({ limits }).publish();
    peer.message(18, encodeAmf0(['onMetaData', nested])).message(18, encodeAmf0(['onMetaData', amfObject([])]));
    expect(peer.eventsOf('media')).toHaveLength(1);
    expect(peer.command('_checkbw', 9, [nested]).closedWith).toBe('rtmp.command');
    expect(new TestPeer({ limits }).connect([['app', 'x'.repeat(101)]]).closedWith).toBe('rtmp.command');
  });

  it('C2.11 ends cleanly wherever the connection is cut', () => {
    const wire: Buffer[] = [];
    const recorder = new TestPeer();
    const { send } = recorder;
    recorder.send = (...buffers) => {
      wire.push(...buffers);
      return send.apply(recorder, buffers);
    };
    recorder.publish().message(9, pattern(3000)).message(8, pattern(200), { chunkStreamId: 4 });
    recorder.command('deleteStream', 7, [null, 1]);
    const capture = Buffer.concat(wire);
    for (let cut = 0; cut <= capture.length; cut += cut < 3073 ? 61 : 1) {
      const peer = new TestPeer().send(capture.subarray(0, cut));
      peer.session.end();
      peer.settle();
      expect(peer.eventsOf('closed')).toHaveLength(1);
      expect(peer.closedWith).toBeUndefined();
      expect(peer.eventsOf('unpublish')).toHaveLength(peer.eventsOf('publish-request').length);
    }
  });
});
