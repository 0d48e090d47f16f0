// Valid byte streams of publishers, as seeds for mutation: the output of our own client, whole and in pieces.
import { ClientSession } from '../../src/protocols/rtmp/client-session.js';
import { ServerSession } from '../../src/protocols/rtmp/server-session.js';
import { HANDSHAKE_BYTES } from '../protocols/rtmp/test-peer.js';
import { AUDIO_VECTORS, VIDEO_VECTORS } from '../vectors/flv-tags.js';

const fixedRandom = (size: number): Buffer => Buffer.alloc(size, 0x33);

/** All bytes that a client sends after its handshake: connect, publish, metadata, media, unpublish. */
export function publisherBytes(chunkSize: number): Buffer {
  const server = new ServerSession({ randomBytes: fixedRandom });
  const client = new ClientSession({
    app: 'live',
    tcUrl: 'rtmp://localhost/live',
    streamName: 'fuzz?key=secret',
    chunkSize,
    randomBytes: fixedRandom,
  });
  const sent: Buffer[] = [];
  const settle = (): void => {
    for (let moved = true; moved; ) {
      moved = false;
      const up = client.takeOutput();
      if (up !== undefined) {
        sent.push(up);
        server.receive(up);
        moved = true;
      }
      for (let event = server.nextEvent(); event !== undefined; event = server.nextEvent()) {
        if (event.type === 'publish-request') server.accept(event.messageStreamId);
      }
      const down = server.takeOutput();
      if (down !== undefined) {
        client.receive(down);
        while (client.nextEvent() !== undefined) moved = true;
        moved = true;
      }
    }
  };
  settle();
  VIDEO_VECTORS.slice(0, 6).forEach(({ hex }, i) => {
    client.send('video', 40 * i, Buffer.from(hex, 'hex'));
  });
  AUDIO_VECTORS.slice(0, 6).forEach(({ hex }, i) => {
    client.send('audio', 240 + 20 * i, Buffer.from(hex, 'hex'));
  });
  client.send('video', 20_000_000, Buffer.alloc(300, 0x27));
  client.unpublish();
  settle();
  return Buffer.concat(sent).subarray(HANDSHAKE_BYTES);
}

/** For the chunk decoder: one byte that selects how to cut the rest, then chunks. */
export function chunkSeeds(): Buffer[] {
  return [128, 256, 4096].map((size, index) => Buffer.concat([Buffer.of(3 + 40 * index), publisherBytes(size)]));
}
