// Media is copied once, from the socket's buffer into the message's own. This test counts, because a second copy would go unnoticed.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ServerSession } from '../../../src/protocols/rtmp/server-session.js';
import type { MediaEvent } from '../../../src/protocols/rtmp/session-event.js';
import { TestPeer } from './test-peer.js';
import { pattern, u32 } from './wire-writer.js';

const READ_BYTES = 65_536;
/** Maximum bytes of a chunk header that two reads share. */
const MAX_CARRIED_BYTES = 18;

function inReads(bytes: Buffer): Buffer[] {
  const reads: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += READ_BYTES) reads.push(Buffer.from(bytes.subarray(at, at + READ_BYTES)));
  return reads;
}

function takeMedia(session: ServerSession): MediaEvent[] {
  const taken: MediaEvent[] = [];
  for (let event = session.nextEvent(); event !== undefined; event = session.nextEvent()) {
    if (event.type === 'media') taken.push(event);
  }
  return taken;
}

describe('media on its way from a publisher to players', () => {
  let copied = 0;
  let gathered = 0;

  /** From here on, every byte that Buffer copies is counted. `protocols/rtmp` uses typed arrays in no other way. */
  function count(): void {
    const copy = Buffer.prototype.copy;
    vi.spyOn(Buffer.prototype, 'copy').mockImplementation(function (this: Buffer, ...args) {
      const bytes = copy.apply(this, args);
      copied += bytes;
      return bytes;
    });
    const concat = Buffer.concat;
    vi.spyOn(Buffer, 'concat').mockImplementation((list, length) => {
      gathered += list.reduce((sum, { length: size }) => sum + size, 0);
      return concat(list, length);
    });
    const set = Uint8Array.prototype.set;
    vi.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (this: Uint8Array, source, offset) {
      gathered += source.length;
      set.call(this, source, offset);
    });
  }

  beforeEach(() => {
    copied = 0;
    gathered = 0;
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each([128, 4096, 60_000])(
    'is copied exactly once in chunks of %d bytes, and not at all for a player',
    (chunkSize) => {
      const publisher = new TestPeer().publish().control(1, u32(chunkSize));
      publisher.writer.chunkSize = chunkSize;
      const players = [new TestPeer().play(), new TestPeer().play()].map(({ session }) => session);
      const frame = (index: number) => ({
        chunkStreamId: index % 3 === 0 ? 4 : 6,
        timestamp: index * 20,
        type: index % 3 === 0 ? 8 : 9,
        messageStreamId: 1,
        body: pattern(index % 3 === 0 ? 400 : index % 20 === 1 ? 150_000 : 9000, index),
      });
      // A new peer gets no memory for what it only announces, so its first large messages grow as they arrive.
      const warmUp = Array.from({ length: 40 }, (_, index) => publisher.writer.message(frame(index)));
      publisher.send(...warmUp);
      const frames = Array.from({ length: 60 }, (_, index) => frame(40 + index));
      const reads = inReads(Buffer.concat(frames.map((message) => publisher.writer.message(message))));

      count();
      const media: MediaEvent[] = [];
      const outputs: Buffer[] = [];
      for (const bytes of reads) {
        publisher.session.receive(bytes);
        for (const event of takeMedia(publisher.session)) {
          media.push(event);
          for (const player of players) player.sendMedia(1, event.kind, event.timestamp, event.body);
        }
        for (const player of players) outputs.push(...player.takeOutputBuffers());
      }
      const [byCopy, otherwise] = [copied, gathered];
      vi.restoreAllMocks();

      expect(media).toHaveLength(frames.length);
      const bytes = media.reduce((sum, { body }) => sum + body.length, 0);
      expect(byCopy).toBeGreaterThanOrEqual(bytes);
      expect(byCopy).toBeLessThanOrEqual(bytes + reads.length * 2 * MAX_CARRIED_BYTES);
      // An acknowledgement of 4 bytes from time to time, no media.
      expect(otherwise).toBeLessThan(200);
      // Players are sent from the memory of the bodies.
      const memory = new Set(media.map(({ body }) => body.buffer));
      const shared = outputs.filter(({ buffer, length }) => memory.has(buffer) && length > 16);
      expect(shared.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThanOrEqual(players.length * bytes * 0.99);
    },
  );
});
