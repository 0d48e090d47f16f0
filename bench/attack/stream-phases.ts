// Attacks by accepted publishers and by players: clocks, parameters, pictures, names and slow readers.
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { avcBody, avcConfiguration, isKeyFrame, isSequenceHeader, nalUnit } from './media.js';
import { address, Peer, sleep } from './peer.js';
import { type Attack, endless, inParallel, type Phase, publisher, sendTags, status } from './phase.js';

const HALF_CLOCK = 2 ** 31;

async function tooFast(attack: Attack): Promise<string> {
  const forMs = attack.lasting(20);
  const peer = await publisher(attack, 'fast', address(1));
  const sent = await sendTags(peer, endless(attack.recording.large), { speed: 100, forMs });
  const end = peer.isClosed ? `cut off with ${status(peer)}` : 'slowed down';
  await peer.hangUp();
  return `${(sent / 1000).toFixed(0)} s of media taken in ${(forMs / 1000).toFixed(0)} s, ${end}`;
}

async function timestamps(attack: Attack): Promise<string> {
  const { random } = attack;
  const patterns: Record<string, (tag: FlvTag, index: number) => number> = {
    '+2^31 each frame': (tag, index) => tag.timestamp + index * HALF_CLOCK,
    alternating: (tag, index) => tag.timestamp + (index % 2) * HALF_CLOCK,
    'by 10 s': (tag, index) => tag.timestamp + (index % 2) * 10_000,
    backward: (tag) => 2 ** 32 - 1 - tag.timestamp,
    'one number': () => 0xffffffff,
    random: () => random.u32(),
    '+6 s each second': (tag) => tag.timestamp + Math.floor(tag.timestamp / 1000) * 6_000,
    'sound and pictures apart': (tag) => tag.timestamp + (tag.type === 'audio' ? 0 : 1_000_000),
  };
  const results = await Promise.all(
    Object.entries(patterns).map(async ([name, timestamp], index) => {
      const peer = await publisher(attack, `clock${index}`, address(index));
      const options = { speed: 1, forMs: attack.lasting(15), timestamp };
      const sent = await sendTags(peer, endless(attack.recording.large), options);
      const end = peer.isClosed ? `cut off after ${(sent / 1000).toFixed(1)} s` : 'served';
      await peer.hangUp();
      return `${name} ${end}`;
    }),
  );
  return results.join('; ');
}

/** Two recordings alternating every second, with their own sequence headers. */
function* flipping({ small, hd }: Attack['recording']): Generator<FlvTag> {
  const groups = [small, hd].map((tags) => {
    const video = tags.filter(({ type }) => type === 'video');
    const second = video.findIndex((tag, index) => isKeyFrame(tag) && index > 2);
    return {
      header: video.find(isSequenceHeader),
      frames: video.filter((tag) => !isSequenceHeader(tag)).slice(0, second - 1),
    };
  });
  const sound = small.filter(({ type }) => type === 'audio');
  const soundHeader = sound.find(isSequenceHeader);
  if (soundHeader !== undefined) yield soundHeader;
  for (let round = 0; ; round++) {
    const group = groups[round % 2];
    if (group?.header !== undefined) yield { ...group.header, timestamp: round * 1000 };
    for (const [index, frame] of (group?.frames ?? []).entries())
      yield { ...frame, timestamp: round * 1000 + index * 40 };
  }
}

async function flippingParameters(attack: Attack): Promise<string> {
  const peer = await publisher(attack, 'flips', address(1));
  const sent = await sendTags(peer, flipping(attack.recording), { speed: 2, forMs: attack.lasting(30) });
  const end = peer.isClosed ? `cut off after ${(sent / 1000).toFixed(0)} s of media` : 'still served';
  await peer.hangUp();
  return end;
}

function* pictures(configuration: Buffer, frame: (index: number) => Buffer): Generator<FlvTag> {
  yield { type: 'video', timestamp: 0, body: avcBody(0, true, configuration) };
  for (let index = 0; ; index++) {
    const keyFrame = index % 25 === 0;
    const body = avcBody(1, keyFrame, nalUnit(keyFrame ? 5 : 1, frame(index)));
    yield { type: 'video', timestamp: index * 40, body };
  }
}

async function publishPictures(attack: Attack, name: string, tags: Iterable<FlvTag>): Promise<string> {
  const peer = await publisher(attack, name, address(3));
  const sent = await sendTags(peer, tags, { speed: 1, forMs: attack.lasting(15) });
  const end = peer.isClosed ? `cut off after ${(sent / 1000).toFixed(1)} s` : 'not cut off';
  await peer.hangUp();
  return end;
}

function noise({ random }: Attack, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(random.u32(), at);
  return bytes;
}

async function hugePictures(attack: Attack): Promise<string> {
  const sizes: [number, number][] = [
    [512, 512],
    [512, 272],
    [4096, 1],
    [65_536, 65_536],
  ];
  const ends = await Promise.all(
    sizes.map(async ([width, height], index) => {
      const tags = pictures(avcConfiguration(width, height), () => noise(attack, 200));
      return `${width * 16}x${height * 16} ${await publishPictures(attack, `huge${index}`, tags)}`;
    }),
  );
  return ends.join('; ');
}

async function brokenPictures(attack: Attack): Promise<string> {
  const { large } = attack.recording;
  const header =
    large.find((tag) => tag.type === 'video' && isSequenceHeader(tag))?.body.subarray(5) ?? Buffer.alloc(0);
  const spoiled = function* (): Generator<FlvTag> {
    for (const tag of endless(large)) {
      if (isSequenceHeader(tag) || tag.type !== 'video') yield tag;
      else {
        const body = Buffer.from(tag.body);
        for (let at = 12; at < body.length; at += 3) body[at] = attack.random.below(256);
        yield { ...tag, body };
      }
    }
  };
  const [noisy, real] = await Promise.all([
    publishPictures(
      attack,
      'noisy',
      pictures(header, () => noise(attack, 2_000)),
    ),
    publishPictures(attack, 'spoiled', spoiled()),
  ]);
  return `noise under a valid header ${noisy}; spoiled pictures ${real}`;
}

async function manyNames(attack: Attack): Promise<string> {
  const { count, recording } = attack;
  const start = recording.small.filter(({ type }) => type !== 'script').slice(0, 6);
  let media = 0;
  const total = count(10_000);
  await inParallel(total, 32, async (index, lane) => {
    const peer = await publisher(attack, `name${index}`, address(lane * 64 + (index % 64)));
    // Most only claim the name; some start to send.
    if (index % 20 === 0) {
      media++;
      for (const tag of start) await peer.write(peer.tag(tag, tag.timestamp));
    }
    if (index % 2 === 0) peer.socket.resetAndDestroy();
    else await peer.hangUp(500);
    await peer.closed;
  });
  return `${total} names, ${media} of them with media`;
}

async function players(attack: Attack): Promise<string> {
  const { target, liveName, count, lasting } = attack;
  let started = 0;
  const play = async (index: number, name: string, reads: boolean): Promise<Peer> => {
    const peer = new Peer(target, { from: address(index), reads: true });
    await peer.write(peer.playBytes(target.port, name));
    if (await peer.hears('NetStream.Play.Start', name === liveName ? 5_000 : 100)) started++;
    if (!reads) peer.socket.pause();
    return peer;
  };
  // These never read another byte while the others come and go.
  const slow = await Promise.all(Array.from({ length: count(200) }, (_, index) => play(index, liveName, false)));
  const waiting = sleep(lasting(20));
  await inParallel(count(3_000), 32, async (index) => {
    const peer = await play(index % 600, index % 3 === 0 ? `nobody${index}` : liveName, true);
    await peer.hangUp(20);
  });
  await waiting;
  const cut = slow.filter((peer) => peer.isClosed).length;
  await Promise.all(slow.map((peer) => peer.hangUp(500)));
  return `${started} plays begun, ${slow.length} that read nothing, ${cut} of those cut off`;
}

export const STREAM_PHASES: readonly Phase[] = [
  { name: 'publisher at 100 times speed', line: 'C2.14', run: tooFast },
  { name: 'timestamps', line: 'C2.15', run: timestamps },
  { name: 'parameters flip each second', line: 'C2.16', run: flippingParameters },
  { name: '8192x8192 and more', line: 'C2.17', run: hugePictures },
  { name: 'broken pictures', line: 'C2.18', run: brokenPictures },
  { name: '10 000 names', line: 'C2.03', run: manyNames, streams: 500 },
  { name: 'players, fast and slow', line: 'A4.20', run: players },
];
