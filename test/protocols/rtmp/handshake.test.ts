// The handshake, cut anywhere and in all versions. Bytes that arrive together with it must not be lost.
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { amfObject } from '../../../src/protocols/amf/values.js';
import { ClientHandshake, ServerHandshake } from '../../../src/protocols/rtmp/handshake.js';
import { secureRandomBytes } from '../../../src/protocols/rtmp/handshake-digest.js';
import { ServerSession } from '../../../src/protocols/rtmp/server-session.js';
import { HANDSHAKE_BYTES, plainHandshake, TestPeer } from './test-peer.js';
import { pattern } from './wire-writer.js';

const TAIL = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const PLAYER = Buffer.from('Genuine Adobe Flash Player 001');
const SERVER = Buffer.from('Genuine Adobe Flash Media Server 001');

function hmac(key: Buffer, ...parts: Buffer[]): Buffer {
  const digest = createHmac('sha256', key);
  for (const part of parts) digest.update(part);
  return digest.digest();
}

/** Position of the digest in scheme 0 (field at 8) or 1 (field at 772). */
function digestOffset(packet: Buffer, field: 8 | 772): number {
  const sum = [0, 1, 2, 3].reduce((total, index) => total + packet.readUInt8(field + index), 0);
  return field + 4 + (sum % 728);
}

function digestOf(packet: Buffer, field: 8 | 772, key: Buffer): { expected: Buffer; found: Buffer } {
  const offset = digestOffset(packet, field);
  return {
    expected: hmac(key, packet.subarray(0, offset), packet.subarray(offset + 32)),
    found: packet.subarray(offset, offset + 32),
  };
}

/** C1 in the form of FFmpeg: time 0, version 9.0.124.2, random, signed. */
function signedC1(field: 8 | 772): Buffer {
  const c1 = pattern(1536, field);
  c1.writeUInt32BE(0, 0);
  c1.writeUInt32BE(0x09007c02, 4);
  const { expected, found } = digestOf(c1, field, PLAYER);
  expected.copy(found);
  return c1;
}

/** The server's answer to C0 and C1. */
function answerTo(c1: Buffer, version = 3): Buffer {
  const handshake = new ServerHandshake(secureRandomBytes);
  handshake.receive(Buffer.concat([Buffer.of(version), c1]));
  const output = handshake.takeOutput();
  if (output === undefined) throw new Error('no answer');
  return output;
}

function connect(peer: TestPeer, flashVer = ''): Buffer {
  return peer.commandBytes('connect', 1, [
    amfObject([
      ['app', 'live'],
      ['flashVer', flashVer],
    ]),
  ]);
}

describe('server handshake', () => {
  it('A1.01 completes when the bytes come one at a time', () => {
    const peer = new TestPeer();
    for (const byte of plainHandshake()) peer.send(Buffer.of(byte));
    expect(peer.handshakeAnswer).toHaveLength(HANDSHAKE_BYTES);
    expect(peer.session.stage).toBe('connecting');
    expect(peer.session.bytesReceived).toBe(HANDSHAKE_BYTES);
  });

  it('A1.02 loses no byte when C0 C1 C2, a chunk size and connect come in one piece', () => {
    const peer = new TestPeer();
    const setChunkSize = peer.writer.message({
      chunkStreamId: 2,
      timestamp: 0,
      type: 1,
      messageStreamId: 0,
      body: Buffer.of(0, 0, 16, 0),
    });
    peer.writer.chunkSize = 4096;
    peer.send(Buffer.concat([plainHandshake(), setChunkSize, connect(peer, 'x'.repeat(500))]));
    expect(peer.eventsOf('connected')[0]?.flashVer).toHaveLength(500);
  });

  it('A1.02 loses no byte when C2 and the first 103 bytes of connect share a read, as with librtmp', () => {
    const peer = new TestPeer();
    const handshake = plainHandshake();
    const whole = Buffer.concat([handshake, connect(peer, 'x'.repeat(100))]);
    const cut = HANDSHAKE_BYTES + 103;
    peer.send(whole.subarray(0, 1537), whole.subarray(1537, cut), whole.subarray(cut));
    expect(peer.eventsOf('connected')[0]?.flashVer).toHaveLength(100);
  });

  it('A1.03 sends S0 S1 S2 in one write', () => {
    const session = new ServerSession();
    const bytes = plainHandshake();
    session.receive(bytes.subarray(0, 1000));
    expect(session.takeOutput()).toBeUndefined();
    session.receive(bytes.subarray(1000, 1537));
    expect(session.takeOutput()).toHaveLength(HANDSHAKE_BYTES);
    expect(session.takeOutput()).toBeUndefined();
  });

  it('A1.04 answers an unsigned C1 with a byte-exact copy of it', () => {
    const c1 = pattern(1536);
    c1.fill(0, 4, 8);
    const answer = answerTo(c1);
    expect(answer[0]).toBe(3);
    expect(answer.subarray(1, 9)).toEqual(Buffer.alloc(8));
    expect(answer.subarray(1537)).toEqual(c1);
  });

  it.each([8, 772] as const)('A1.05 answers a C1 that is signed with the field at %d in the same scheme', (field) => {
    const c1 = signedC1(field);
    const answer = answerTo(c1);
    const [s1, s2] = [answer.subarray(1, 1537), answer.subarray(1537)];
    expect(s1.readUInt32BE(4)).not.toBe(0);
    const { expected, found } = digestOf(s1, field, SERVER);
    expect(found).toEqual(expected);
    const key = hmac(Buffer.concat([SERVER, TAIL]), digestOf(c1, field, PLAYER).found);
    expect(s2.subarray(1504)).toEqual(hmac(key, s2.subarray(0, 1504)));
  });

  it('A1.06 falls back to the echo if the version says signed and no scheme matches', () => {
    const c1 = signedC1(8);
    c1[1535] = (c1[1535] as number) ^ 1;
    expect(answerTo(c1).subarray(1537)).toEqual(c1);
  });

  it('A1.07 accepts any C2', () => {
    const peer = new TestPeer().send(plainHandshake().subarray(0, 1537), Buffer.alloc(1536, 0xee));
    expect(peer.send(connect(peer)).eventsOf('connected')).toHaveLength(1);
  });

  it.each([0, 2, 6, 8, 31])('A1.08 answers version %d with 3 and the plain handshake', (version) => {
    const c1 = signedC1(8);
    const answer = answerTo(c1, version);
    expect(answer[0]).toBe(3);
    expect(answer.subarray(1537)).toEqual(c1);
  });

  it.each([
    ['an HTTP request', 'GET / HTTP/1.1\r\n'],
    ['a TLS ClientHello', '\x16\x03\x01\x02\x00'],
    ['a byte of 0xff', '\xff'],
  ])('A1.09 closes at once on %s', (_name, text) => {
    const peer = new TestPeer().send(Buffer.from(text, 'latin1'));
    expect(peer.closedWith).toBe('rtmp.not-rtmp');
    expect(peer.handshakeAnswer).toHaveLength(0);
    expect(peer.session.stage).toBe('closed');
    expect(peer.send(plainHandshake()).events).toHaveLength(1);
  });

  it('A1.11 ignores the time and zero fields of C1', () => {
    const peer = new TestPeer();
    const bytes = plainHandshake();
    bytes.fill(0xff, 1, 9);
    expect(peer.send(bytes).session.stage).toBe('connecting');
  });
});

describe('client handshake', () => {
  it('completes with our own server in any cutting and echoes S1', () => {
    for (const size of [1, 2, 1536, 1537, 4000]) {
      const client = new ClientHandshake(secureRandomBytes);
      const server = new ServerHandshake(secureRandomBytes);
      const c0c1 = client.takeOutput() as Buffer;
      expect(c0c1).toHaveLength(1537);
      for (let at = 0; at < c0c1.length; at += size) server.receive(c0c1.subarray(at, at + size));
      const answer = Buffer.concat([server.takeOutput() as Buffer, Buffer.from('rest')]);
      let consumed = 0;
      for (let at = 0; at < answer.length && !client.done; at += size) {
        consumed += client.receive(answer.subarray(at, at + size));
      }
      expect(consumed).toBe(HANDSHAKE_BYTES);
      const c2 = client.takeOutput() as Buffer;
      expect(c2).toEqual(answer.subarray(1, 1537));
      expect(server.receive(c2)).toBe(1536);
      expect(server.done).toBe(true);
    }
  });

  it('refuses a server that does not speak RTMP', () => {
    const client = new ClientHandshake(secureRandomBytes);
    expect(() => client.receive(Buffer.from('HTTP/1.1 400'))).toThrow(
      expect.objectContaining({ code: 'rtmp.not-rtmp' }),
    );
  });
});
