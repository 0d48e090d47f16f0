// Attacks before any stream: sockets, handshakes, chunks and their memory, floods of the smallest messages.
import { address, basicHeader, HANDSHAKE, messageHeader, Peer, sleep, TYPE, u32 } from './peer.js';
import { type Attack, inParallel, must, type Phase, tally } from './phase.js';

/** Largest length that a chunk header can announce: 3 octets (RTMP 1.0 6.1.1). */
const LONGEST = 0xffffff;
const SLOW_BYTE_EVERY = 5_000;

async function slowHandshakes(
  { target, handshakeTimeout }: Attack,
  count: number,
  from: (index: number) => string,
): Promise<string> {
  const began = performance.now();
  const peers = Array.from({ length: count }, (_, index) => new Peer(target, { from: from(index) }));
  const lasted: number[] = [];
  for (const peer of peers) void peer.closed.then(() => lasted.push(performance.now() - began));
  for (const peer of peers) peer.socket.write(HANDSHAKE.subarray(0, 1));
  const trickle = setInterval(() => {
    for (const peer of peers) if (!peer.isClosed) peer.socket.write(Buffer.of(0));
  }, SLOW_BYTE_EVERY);
  // A well-behaved encoder connects meanwhile.
  await sleep(500);
  const honest = new Peer(target, { from: '127.0.1.1' });
  const asked = performance.now();
  await honest.write(honest.connectBytes(target.port));
  const served = await honest.hears('NetConnection.Connect.Success', 5_000);
  const answered = performance.now() - asked;
  await honest.hangUp();
  while (lasted.length < count && performance.now() - began < handshakeTimeout + 5_000) await sleep(50);
  clearInterval(trickle);
  const open = peers.filter((peer) => !peer.isClosed);
  await Promise.all(open.map((peer) => peer.hangUp(0)));
  must(served, 'a well-behaved encoder was not answered during the slow handshakes');
  must(open.length === 0, `${open.length} of ${count} slow handshakes were still open after the deadline`);
  const last = Math.max(...lasted);
  return `${count} closed, the last after ${(last / 1000).toFixed(1)} s; a well-behaved connect took ${answered.toFixed(0)} ms`;
}

/** 64 chunk streams that each announce `length` bytes and send one of them, on many connections. */
async function announcedLengths(attack: Attack, length: number, connections: number): Promise<string> {
  const { target } = attack;
  const peers = Array.from({ length: connections }, (_, index) => new Peer(target, { from: address(index) }));
  for (const peer of peers) {
    const chunks = Array.from({ length: 64 }, (_, stream) => {
      const message = {
        chunkStreamId: 3 + stream,
        timestamp: 0,
        type: TYPE.video,
        messageStreamId: 1,
        body: Buffer.of(0),
      };
      return Buffer.concat([basicHeader(0, 3 + stream), messageHeader(0, 0, message, length), message.body]);
    });
    await peer.write(Buffer.concat([HANDSHAKE, ...chunks]));
  }
  await sleep(1_000);
  const cut = peers.filter((peer) => peer.isClosed).length;
  await Promise.all(peers.map((peer) => peer.hangUp(200)));
  return `${length} bytes announced 64 times on ${connections} connections: ${cut} cut off`;
}

async function manyChunkStreams({ target }: Attack): Promise<string> {
  const peer = new Peer(target, { from: address(1) });
  const chunks = Array.from({ length: 65_597 }, (_, index) => {
    const id = 3 + index;
    const message = { chunkStreamId: id, timestamp: 0, type: TYPE.video, messageStreamId: 1, body: Buffer.of(0) };
    return Buffer.concat([basicHeader(0, id), messageHeader(0, 0, message, 1000), message.body]);
  });
  await peer.write(Buffer.concat([HANDSHAKE, ...chunks]));
  must(await peer.endedWithin(3_000), '65 597 chunk streams with a partial message each were kept');
  return 'cut off';
}

async function tinyChunks(attack: Attack): Promise<string> {
  const { target } = attack;
  const body = Buffer.alloc(10 * 1024 * 1024, 0x27);
  const sizes = [1, 127, 0, 0x80000000, 0xffffffff];
  const results = await Promise.all(
    sizes.map(async (size, index) => {
      const peer = new Peer(target, { from: address(index) });
      const began = performance.now();
      await peer.write(Buffer.concat([peer.connectBytes(target.port), peer.commandBytes('createStream', 2)]));
      await peer.write(peer.message(1, u32(size), { messageStreamId: 0, chunkStreamId: 2 }));
      if (size > 0 && size < 128) {
        peer.writer.chunkSize = size;
        await peer.writeWithin(peer.message(TYPE.video, body.subarray(0, attack.count(body.length))), 30_000);
      }
      const ended = await peer.endedWithin(2_000);
      await peer.hangUp(200);
      if (size === 0 || size >= 0x80000000) must(ended, `a chunk size of ${size} was accepted`);
      return `${size}: ${ended ? 'refused' : `accepted in ${(performance.now() - began - 2000).toFixed(0)} ms`}`;
    }),
  );
  return results.join('; ');
}

/** Empty messages: first with a full header each, then with one byte each. */
async function emptyMessages(attack: Attack): Promise<string> {
  const header = (id: number) =>
    Buffer.concat([
      basicHeader(0, id),
      messageHeader(0, 0, {
        chunkStreamId: id,
        timestamp: 0,
        type: TYPE.audio,
        messageStreamId: 1,
        body: Buffer.alloc(0),
      }),
    ]);
  const full = Buffer.concat(Array.from({ length: 5_000 }, () => header(4)));
  const bare = Buffer.alloc(65_536, (3 << 6) | 4);
  const sent = await Promise.all(
    [full, bare, full, bare].map((block, index) => flood(attack, block, index, header(4), attack.lasting(10))),
  );
  const messages = sent.map((bytes, index) => (index % 2 === 0 ? bytes / 12 : bytes));
  const rate = messages.reduce((sum, value) => sum + value, 0) / attack.lasting(10) / 1000;
  return `${rate.toFixed(2)} million messages a second on 4 connections`;
}

/** @returns the number of bytes written in that time */
async function flood(
  { target, key }: Attack,
  block: Buffer,
  index: number,
  first: Buffer,
  ms: number,
  peer = new Peer(target, { from: address(index) }),
): Promise<number> {
  await peer.write(peer.publishBytes(target.port, `flood${index}?key=${key}`));
  await peer.write(first);
  const until = performance.now() + ms;
  let written = 0;
  while (performance.now() < until && (await peer.writeWithin(block, until - performance.now()))) {
    written += block.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await peer.hangUp(200);
  return written;
}

async function controlFlood(attack: Attack): Promise<string> {
  const control = (type: number, body: Buffer) => {
    const message = { chunkStreamId: 2, timestamp: 0, type, messageStreamId: 0, body };
    return Buffer.concat([basicHeader(0, 2), messageHeader(0, 0, message), body]);
  };
  const ping = control(4, Buffer.concat([Buffer.of(0, 6), u32(1)]));
  const kinds = [ping, control(3, u32(1)), control(5, u32(1)), control(6, Buffer.concat([u32(1), Buffer.of(2)])), ping];
  const results = await Promise.all(
    kinds.map(async (message, index) => {
      const block = Buffer.concat(Array.from({ length: 2_000 }, () => message));
      // The last one never reads the answers.
      const peer = new Peer(attack.target, { from: address(index), reads: index < kinds.length - 1 });
      const written = await flood(attack, block, index, Buffer.alloc(0), attack.lasting(8), peer);
      const ratio = peer.bytesRead / Math.max(1, written);
      // The handshake and the answers to connect do not count as amplification.
      must(peer.bytesRead < written + 10_000, `${written} bytes of control were answered by ${peer.bytesRead}`);
      return `${(written / 1e6).toFixed(0)} MB→${ratio.toFixed(2)}`;
    }),
  );
  return `bytes sent→answered per byte: ping ${results[0]}, ack ${results[1]}, window ${results[2]}, bandwidth ${results[3]}, unread pings ${results[4]}`;
}

/** Clients of other protocols that may connect to an open port. */
async function otherProtocols({ target, random, count }: Attack): Promise<string> {
  const clientHello = Buffer.concat([Buffer.from('1603010200010001fc0303', 'hex'), Buffer.alloc(508, 7)]);
  const http = Buffer.from(`GET /${'a'.repeat(2000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const garbage = () => Buffer.from(Array.from({ length: 3000 }, () => random.below(256)));
  const inputs = [
    () => clientHello,
    () => http,
    () => Buffer.from('OPTIONS * RTSP/1.0\r\n\r\n'),
    () => Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'),
    garbage,
    () => Buffer.concat([HANDSHAKE, garbage()]),
  ];
  const ends: string[] = [];
  await inParallel(count(3_000), 64, async (index) => {
    const peer = new Peer(target, { from: address(index % 512) });
    await peer.write(inputs[index % inputs.length]?.() ?? http);
    ends.push((await peer.endedWithin(300)) ? 'ended by the gateway' : 'left waiting');
    await peer.hangUp(100);
  });
  return tally(ends);
}

export const CONNECTION_PHASES: readonly Phase[] = [
  {
    name: 'slow handshakes, an address each',
    line: 'C2.01',
    run: (attack) => slowHandshakes(attack, attack.count(1_000), address),
  },
  {
    name: 'slow handshakes, one address',
    line: 'C2.03',
    run: (attack) => slowHandshakes(attack, attack.count(1_000), () => '127.0.0.2'),
  },
  {
    name: 'lengths announced, not sent',
    line: 'C2.04',
    run: async (attack) => {
      const tooLong = await announcedLengths(attack, LONGEST, attack.count(64));
      return `${tooLong}; ${await announcedLengths(attack, 10 * 1024 * 1024, attack.count(64))}`;
    },
  },
  { name: '65 597 chunk streams', line: 'C2.05', run: manyChunkStreams },
  { name: 'chunk sizes 1, 0, 2^31', line: 'C2.06', run: tinyChunks },
  { name: 'empty messages', line: 'C2.07', run: emptyMessages },
  { name: 'acknowledgements and pings', line: 'C2.08', run: controlFlood },
  { name: 'TLS, HTTP, noise on the port', line: 'C2.10', run: otherProtocols },
];
