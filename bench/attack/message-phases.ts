// Attacks with the content of messages: nested values, false lengths, corrupted and truncated recordings of a real publish.
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { Mutator } from '../../test/fuzz/mutator.js';
import { subMessage } from '../../test/protocols/rtmp/wire-writer.js';
import { renamed } from './media.js';
import { address, Peer, TYPE, u32 } from './peer.js';
import { type Attack, inParallel, must, type Phase, publisher, tally } from './phase.js';

const repeated = (bytes: Buffer, count: number) => Buffer.concat(Array.from({ length: count }, () => bytes));
const string = (text: string) => encodeAmf0([text]);

/** Malicious bodies; `head` makes them a command or metadata. */
function hostileValues(): Buffer[] {
  const objectOpen = Buffer.from('03000161', 'hex');
  return [
    // Objects, ECMA arrays and strict arrays nested in one another, never closed.
    repeated(objectOpen, 60_000),
    repeated(Buffer.from('0800000001000161', 'hex'), 30_000),
    repeated(Buffer.from('0a00000001', 'hex'), 50_000),
    // Counts and lengths with nothing after them.
    Buffer.from('0affffffff', 'hex'),
    Buffer.from('08ffffffff', 'hex'),
    Buffer.from('0cffffffff', 'hex'),
    Buffer.concat([Buffer.from('0affffffff', 'hex'), Buffer.alloc(200_000, 5)]),
    // Many values, many keys, one long key repeated.
    Buffer.concat([Buffer.from('03', 'hex'), repeated(Buffer.from('00016105', 'hex'), 60_000)]),
    Buffer.concat([Buffer.from('03', 'hex'), repeated(Buffer.from('000005', 'hex'), 80_000)]),
    repeated(Buffer.from('05', 'hex'), 250_000),
    Buffer.concat([Buffer.from('0c0003d000', 'hex'), Buffer.alloc(250_000, 0xff)]),
    // Reference to an object that is still open, then to one that does not exist.
    Buffer.concat([objectOpen, Buffer.from('070000', 'hex'), objectOpen, Buffer.from('07ffff', 'hex')]),
    Buffer.concat([objectOpen, repeated(Buffer.from('070000000161', 'hex'), 40_000)]),
    // `__proto__` and `constructor`.
    Buffer.from('0300095f5f70726f746f5f5f0300037878780100000000000000000000090000 09'.replace(' ', ''), 'hex'),
    // AMF3 inside AMF0: arrays in arrays, a huge count, a cycle, traits with 2^28 members, a string of 2^28 bytes.
    Buffer.concat([Buffer.of(0x11), repeated(Buffer.from('090301', 'hex'), 80_000)]),
    Buffer.from('1109ffffffff01', 'hex'),
    Buffer.concat([Buffer.of(0x11), Buffer.from('090301', 'hex'), repeated(Buffer.from('0900', 'hex'), 50_000)]),
    Buffer.from('110affffffff', 'hex'),
    Buffer.from('1106ffffffff', 'hex'),
    Buffer.from('110dffffffff00', 'hex'),
    Buffer.from('1110ffffffff0001', 'hex'),
    Buffer.concat([Buffer.of(0x11), repeated(Buffer.from('0a0b01 0361'.replace(' ', ''), 'hex'), 50_000)]),
    // NaN as transaction id, and a marker that does not exist.
    Buffer.from('007ff8000000000000ff', 'hex'),
  ];
}

async function nestedAmf(attack: Attack): Promise<string> {
  const { target } = attack;
  const values = hostileValues();
  const heads: { type: number; head: Buffer }[] = [
    { type: TYPE.command, head: Buffer.concat([string('connect'), encodeAmf0([1])]) },
    { type: TYPE.command, head: Buffer.concat([string('publish'), encodeAmf0([2])]) },
    { type: TYPE.command3, head: Buffer.concat([Buffer.of(0), string('anything'), encodeAmf0([2])]) },
    { type: TYPE.data, head: Buffer.concat([string('@setDataFrame'), string('onMetaData')]) },
    { type: TYPE.data3, head: Buffer.concat([Buffer.of(0), string('@setDataFrame'), string('onMetaData')]) },
    { type: TYPE.data3, head: Buffer.of(3) },
  ];
  const rounds = attack.count(20);
  const ends: string[] = [];
  await inParallel(rounds * heads.length, 16, async (index) => {
    const { type, head } = heads[index % heads.length] as (typeof heads)[number];
    // A connection for each, because a command that cannot be read ends the connection.
    for (const value of values) {
      const peer = new Peer(target, { from: address(index) });
      await peer.write(peer.publishBytes(target.port, `amf${index}?key=${attack.key}`));
      await peer.write(peer.message(type, Buffer.concat([head, value]), { chunkStreamId: 5 }));
      ends.push((await peer.endedWithin(20)) ? 'refused' : 'passed over');
      await peer.hangUp(50);
    }
  });
  return tally(ends);
}

async function nonsenseMedia(attack: Attack): Promise<string> {
  const { random } = attack;
  const noise = (length: number) => Buffer.from(Array.from({ length }, () => random.below(256)));
  const bodies: [number, Buffer][] = [
    [TYPE.aggregate, subMessage(9, 0, noise(20), 0xffffff)],
    [TYPE.aggregate, subMessage(9, 0, noise(20), 0)],
    [TYPE.aggregate, repeated(subMessage(22, 0, Buffer.alloc(0)), 10_000)],
    [TYPE.aggregate, subMessage(22, 0, subMessage(22, 0, subMessage(9, 0, noise(10))))],
    [TYPE.aggregate, repeated(subMessage(4, 0, Buffer.concat([Buffer.of(0, 6), u32(1)])), 10_000)],
    // ModEx: an extension of one byte repeated many times; one longer than the body.
    [TYPE.video, Buffer.concat([Buffer.of(0x97), repeated(Buffer.from('000007', 'hex'), 60_000)])],
    [TYPE.video, Buffer.from('97ffffffff00', 'hex')],
    [TYPE.audio, Buffer.concat([Buffer.of(0x97), repeated(Buffer.from('000007', 'hex'), 60_000)])],
    // Multitrack inside multitrack, tracks longer than the body, 10 000 tracks.
    [TYPE.video, Buffer.from('961661766331', 'hex')],
    [TYPE.video, Buffer.concat([Buffer.from('961161766331', 'hex'), Buffer.from('00ffffff00', 'hex')])],
    [
      TYPE.video,
      Buffer.concat([Buffer.from('961161766331', 'hex'), repeated(Buffer.from('0100000100', 'hex'), 50_000)]),
    ],
    [
      TYPE.audio,
      Buffer.concat([Buffer.from('95114f707573', 'hex'), repeated(Buffer.from('0100000100', 'hex'), 50_000)]),
    ],
    [TYPE.video, Buffer.from('90686576310000', 'hex')],
    [TYPE.video, Buffer.concat([Buffer.from('9068766331', 'hex'), noise(500)])],
    [TYPE.video, Buffer.concat([Buffer.from('9061763031', 'hex'), noise(500)])],
    [TYPE.video, Buffer.concat([Buffer.from('1700000000', 'hex'), noise(500)])],
    [TYPE.audio, Buffer.concat([Buffer.from('af00', 'hex'), noise(500)])],
    [TYPE.audio, Buffer.concat([Buffer.from('904f707573', 'hex'), noise(500)])],
  ];
  const ends: string[] = [];
  await inParallel(attack.count(400), 8, async (index) => {
    const peer = await publisher(attack, `nonsense${index % 8}x${index}`, address(index));
    for (let message = 0; message < bodies.length; message++) {
      const [type, body] = bodies[(message + index) % bodies.length] as [number, Buffer];
      if (!(await peer.write(peer.message(type, body, { timestamp: message * 40 })))) break;
    }
    ends.push((await peer.endedWithin(100)) ? 'refused' : 'passed over');
    await peer.hangUp(100);
  });
  return tally(ends);
}

/** A different name in the capture for each concurrent connection: with the same name all but one would be refused. */
const laneName = ({ recording }: Attack, lane: number) =>
  `${recording.captureName.slice(0, -3)}${String(lane).padStart(3, '0')}`;

function laneCaptures(attack: Attack, lanes: number, capture: Buffer): Buffer[] {
  const { captureName } = attack.recording;
  return Array.from({ length: lanes }, (_, lane) => renamed(capture, captureName, laneName(attack, lane)));
}

async function mutatedCaptures(attack: Attack): Promise<string> {
  const { random, target, recording } = attack;
  const dictionary = ['hvc1', 'av01', 'Opus', 'publish', 'deleteStream', 'onMetaData', 'connect'].map((text) =>
    Buffer.from(text),
  );
  const maxBytes = 60_000;
  const mutator = new Mutator({ random, maxBytes, dictionary });
  const captures = laneCaptures(attack, 24, recording.capture).map((capture) => capture.subarray(0, maxBytes));
  const ends: string[] = [];
  await inParallel(attack.count(10_000), 24, async (index, lane) => {
    const original = captures[lane] ?? recording.capture;
    // Half of them keep the handshake and the commands intact, so that the corrupted bytes are media.
    const kept = index % 2 === 0 ? 0 : 4_500;
    const spoiled = mutator.mutate(original.subarray(kept), recording.capture.subarray(0, 5_000));
    const peer = new Peer(target, { from: address(lane * 32 + (index % 32)) });
    const written = await peer.writeWithin(Buffer.concat([original.subarray(0, kept), spoiled]), 5_000);
    ends.push(!written || (await peer.endedWithin(5)) ? 'ended by the gateway' : 'taken');
    await peer.hangUp(500);
  });
  return tally(ends);
}

/**
 * Every byte offset of a whole publish is the last one of some connection. That connection ends with a FIN, after which the gateway has
 * read exactly that much. Every fourth offset is sent once more and ended by a reset, which may overtake bytes in transit.
 */
async function truncations(attack: Attack): Promise<string> {
  const { target, count } = attack;
  const { wholeCapture } = attack.recording;
  const total = count(wholeCapture.length);
  const step = wholeCapture.length / total;
  const captures = laneCaptures(attack, 32, wholeCapture);
  let [cut, torn, published] = [0, 0, 0];
  const send = async (index: number, lane: number): Promise<Peer> => {
    const peer = new Peer(target, { from: address(lane * 64 + (index % 64)) });
    const bytes = (captures[lane] ?? wholeCapture).subarray(0, Math.floor(index * step));
    must(await peer.writeWithin(bytes, 10_000), `${bytes.length} bytes of a publish were not accepted`);
    return peer;
  };
  await inParallel(total, 32, async (index, lane) => {
    const peer = await send(index, lane);
    await peer.hangUp(5_000);
    cut++;
    if (peer.tail.includes('NetStream.Publish.Start')) published++;
    if (index % 4 > 0) return;
    const other = await send(index, lane);
    other.socket.resetAndDestroy();
    await other.closed;
    torn++;
  });
  const offsets = step === 1 ? 'every offset' : `every ${step.toFixed(1)} bytes`;
  return `${cut} connections ended after ${offsets} of ${wholeCapture.length}, ${published} of them publishing, ${torn} more torn off`;
}

async function refusedKeys({ target, count, lasting }: Attack): Promise<string> {
  const until = performance.now() + lasting(15);
  const heard: string[] = [];
  await inParallel(count(3_000), 200, async (index) => {
    if (performance.now() > until) return;
    const peer = new Peer(target, { from: address(index % 40) });
    await peer.write(peer.publishBytes(target.port, `guess${index}?key=wrong${index}`));
    // Every third one does not wait for the answer.
    if (index % 3 === 0) await peer.hangUp(20);
    else await peer.endedWithin(5_000);
    must(!peer.tail.includes('NetStream.Publish.Start'), 'a wrong key was accepted');
    heard.push(index % 3 === 0 ? 'left' : peer.isClosed ? 'refused' : 'waiting');
    await peer.hangUp(0);
  });
  return tally(heard);
}

export const MESSAGE_PHASES: readonly Phase[] = [
  { name: 'nested and lying AMF', line: 'C2.09', run: nestedAmf },
  { name: 'aggregate, ModEx, multitrack', line: 'C2.12', run: nonsenseMedia },
  { name: 'mutated captures', line: 'C2.10', run: mutatedCaptures },
  { name: 'cut at every offset', line: 'C2.11', run: truncations },
  { name: 'wrong keys', line: 'C3.09', run: refusedKeys },
];
