// The answers that a player gets and their order, as players were seen to expect them.
import { describe, expect, it } from 'vitest';
import { decodeAmf0 } from '../../../src/protocols/amf/amf0-decoder.js';
import { encodeAmf0 } from '../../../src/protocols/amf/amf0-encoder.js';
import { type AmfValue, amfObject } from '../../../src/protocols/amf/values.js';
import { TestPeer } from './test-peer.js';
import { pattern, u32 } from './wire-writer.js';

const keyFrame = Buffer.concat([Buffer.of(0x17, 1, 0, 0, 0), pattern(50)]);
const interFrame = Buffer.concat([Buffer.of(0x27, 1, 0, 0, 0), pattern(50)]);
const avcHeader = Buffer.of(0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x28);
const aacHeader = Buffer.of(0xaf, 0, 0x11, 0x90);
const audioFrame = Buffer.of(0xaf, 1, 9, 9);
const notFound = { code: 'NetStream.Play.StreamNotFound', description: 'Nobody publishes this.' } as const;

const types = (peer: TestPeer) => peer.events.map(({ type }) => type);
const codes = (peer: TestPeer) => peer.statuses.map(({ code }) => code);
/** What was sent after the answers so far. */
function sentBy(peer: TestPeer, act: () => void) {
  const before = peer.answers.length;
  act();
  return peer.settle().answers.slice(before);
}
/** Sends these messages and returns those that reached the player. */
function through(peer: TestPeer, ...bodies: Buffer[]): Buffer[] {
  return sentBy(peer, () => {
    for (const body of bodies) peer.session.sendMedia(1, (body[0] ?? 0) >= 0xa0 ? 'audio' : 'video', 0, body);
  })
    .filter(({ type }) => type === 8 || type === 9)
    .map(({ body }) => body);
}

describe('play', () => {
  it('sends nothing until the application has answered', () => {
    const peer = new TestPeer();
    peer.acceptsPlays = false;
    peer.play('live/room/name?key=v', -2000, -1, false);
    expect(peer.eventsOf('play-request')).toMatchObject([
      { messageStreamId: 1, app: 'live/live/room', name: 'name', start: -2000, duration: -1, reset: false },
    ]);
    expect(peer.eventsOf('play-request')[0]?.query.get('key')).toBe('v');
    expect(peer.statuses).toEqual([]);
    expect(peer.session.stage).toBe('connected');
    peer.session.acceptPlay(1);
    expect(codes(peer.settle())).toEqual(['NetStream.Play.Start']);
    expect(peer.session.stage).toBe('playing');
  });

  it('starts with StreamBegin, Play.Reset, Play.Start and |RtmpSampleAccess, on the message stream of the play', () => {
    const peer = new TestPeer().play();
    expect(peer.eventsOf('play-request')).toMatchObject([{ start: -2, duration: -1, reset: true }]);
    const [begin, reset, start, access] = peer.answers.slice(-4);
    expect(begin).toMatchObject({ type: 4, messageStreamId: 0, body: Buffer.concat([Buffer.of(0, 0), u32(1)]) });
    expect([reset?.messageStreamId, start?.messageStreamId]).toEqual([1, 1]);
    expect(codes(peer)).toEqual(['NetStream.Play.Reset', 'NetStream.Play.Start']);
    expect(access).toMatchObject({ type: 18, messageStreamId: 1 });
    expect(decodeAmf0(access?.body ?? Buffer.alloc(0))).toEqual(['|RtmpSampleAccess', true, true]);
  });

  it('serves the commands of rtmpdump: a window, a buffer length, FCSubscribe, play', () => {
    const peer = new TestPeer()
      .connect()
      .control(5, u32(2_500_000))
      .control(4, Buffer.concat([Buffer.of(0, 3), u32(0), u32(300)]))
      .command('createStream', 2)
      .command('FCSubscribe', 3, [null, 'name'])
      .command('play', 4, [null, 'name', -2000], 1)
      .control(4, Buffer.concat([Buffer.of(0, 3), u32(1), u32(3_600_000)]));
    expect(peer.commands.map(({ name, transactionId }) => [name, transactionId])).toEqual([
      ['_result', 1],
      ['_result', 2],
      ['_result', 3],
      ['onFCSubscribe', 0],
      ['onStatus', 0],
      ['onStatus', 0],
    ]);
    expect(peer.session.stage).toBe('playing');
  });

  it('A4.20 rejects with the words of the application; the connection may ask again, or be closed', () => {
    const peer = new TestPeer();
    peer.acceptsPlays = false;
    peer.play();
    peer.session.rejectPlay(1, notFound);
    expect(peer.settle().statuses).toMatchObject([{ ...notFound, level: 'error', messageStreamId: 1 }]);
    peer.acceptsPlays = true;
    expect(peer.command('play', 0, [null, 'other'], 1).session.stage).toBe('playing');
    peer.session.reject(1, { code: 'NetStream.Play.Failed', description: 'x' });
    expect(types(peer.settle()).slice(-2)).toEqual(['stop-play', 'closed']);
  });

  it('A4.20 closes after a play of a bad name', () => {
    const peer = new TestPeer().play('../x');
    expect(codes(peer)).toEqual(['NetStream.Play.StreamNotFound']);
    expect(peer.closedWith).toBe('rtmp.stream-name');
  });

  it('sends audio, video and metadata with their timestamps, in full headers', () => {
    const peer = new TestPeer().play();
    const metadata = encodeAmf0(['onMetaData', amfObject([['width', 640]])]);
    const sent = sentBy(peer, () => {
      expect(peer.session.sendMedia(1, 'script', 0, metadata)).toBe(true);
      expect(peer.session.sendMedia(1, 'audio', 40, audioFrame)).toBe(true);
      expect(peer.session.sendMedia(1, 'video', 0xffffff, [avcHeader, keyFrame])).toBe(true);
      expect(peer.session.sendMedia(1, 'video', 2 ** 32 + 5, keyFrame)).toBe(true);
    });
    expect(sent).toEqual([
      { chunkStreamId: 4, timestamp: 0, type: 18, messageStreamId: 1, body: metadata },
      { chunkStreamId: 4, timestamp: 40, type: 8, messageStreamId: 1, body: audioFrame },
      {
        chunkStreamId: 6,
        timestamp: 0xffffff,
        type: 9,
        messageStreamId: 1,
        body: Buffer.concat([avcHeader, keyFrame]),
      },
      { chunkStreamId: 6, timestamp: 5, type: 9, messageStreamId: 1, body: keyFrame },
    ]);
  });

  it('sends nothing before, after, on another message stream, or without bytes', () => {
    const peer = new TestPeer().connect().command('createStream', 2);
    expect(peer.session.sendMedia(1, 'video', 0, keyFrame)).toBe(false);
    peer.command('play', 0, [null, 'name'], 1);
    expect(peer.session.sendMedia(2, 'video', 0, keyFrame)).toBe(false);
    expect(peer.session.sendMedia(1, 'video', 0, Buffer.alloc(0))).toBe(false);
    expect(peer.session.sendMedia(1, 'video', 0, [])).toBe(false);
    peer.command('deleteStream', 0, [null, 1]);
    expect(peer.session.sendMedia(1, 'video', 0, keyFrame)).toBe(false);
    peer.session.end();
    expect(peer.session.sendMedia(1, 'video', 0, keyFrame)).toBe(false);
  });

  it('copies no media: the bodies in its output are those that it was given', () => {
    const peer = new TestPeer().play();
    const big = pattern(150_000);
    peer.session.sendMedia(1, 'video', 0, keyFrame);
    peer.session.sendMedia(1, 'video', 40, big);
    const output = peer.session.takeOutputBuffers();
    const views = output.filter(({ buffer }) => buffer === keyFrame.buffer || buffer === big.buffer);
    expect(views.reduce((bytes, { length }) => bytes + length, 0)).toBe(keyFrame.length + big.length);
    // Two full headers, and two headers of one byte for the second and third chunk of 65536.
    expect(output.filter((buffer) => !views.includes(buffer)).map(({ length }) => length)).toEqual([12, 12, 1, 1]);
    expect(peer.session.takeOutputBuffers()).toEqual([]);
  });

  it('makes the chunks of a message once for all players of a stream', () => {
    const players = [new TestPeer().play(), new TestPeer().play(), new TestPeer().play()];
    const outputs = players.map(({ session }) => {
      session.sendMedia(1, 'video', 40, keyFrame);
      return session.takeOutputBuffers();
    });
    expect(outputs[0]).toHaveLength(2);
    for (const output of outputs)
      output.forEach((buffer, index) => {
        expect(buffer).toBe(outputs[0]?.[index]);
      });
  });

  it('ends a stream with StreamEOF and UnpublishNotify, once, and stays open', () => {
    const peer = new TestPeer().play();
    const sent = sentBy(peer, () => {
      peer.session.endPlay(1);
      peer.session.endPlay(1);
    });
    expect(sent[0]).toMatchObject({ type: 4, messageStreamId: 0, body: Buffer.concat([Buffer.of(0, 1), u32(1)]) });
    expect(sent).toHaveLength(2);
    expect(peer.statuses.at(-1)).toMatchObject({ code: 'NetStream.Play.UnpublishNotify', messageStreamId: 1 });
    expect(types(peer)).toEqual(['connected', 'play-request', 'stop-play']);
    expect(peer.command('play', 0, [null, 'other'], 1).session.stage).toBe('playing');
  });
});

describe('a player that controls its play', () => {
  it.each([
    ['pause', true, 5000],
    ['pauseRaw', true, 5000],
    ['pause', 1, 0],
  ])('%s with %j stops frames, and the next ones begin with a key frame', (name, flag, position) => {
    const peer = new TestPeer().play();
    expect(through(peer, avcHeader, keyFrame, interFrame, audioFrame)).toHaveLength(4);
    peer.command(name, 0, [null, flag, position], 1);
    expect(peer.statuses.at(-1)).toMatchObject({ code: 'NetStream.Pause.Notify', messageStreamId: 1 });
    expect(peer.eventsOf('pause')).toEqual([{ type: 'pause', messageStreamId: 1, paused: true, position }]);
    // A new sequence header during the pause must not be missed.
    expect(through(peer, keyFrame, audioFrame, avcHeader, aacHeader)).toEqual([avcHeader, aacHeader]);
    peer.command(name, 0, [null, false, position], 1);
    expect(codes(peer).at(-1)).toBe('NetStream.Unpause.Notify');
    expect(peer.eventsOf('pause').at(-1)).toMatchObject({ paused: false });
    expect(through(peer, interFrame, audioFrame, keyFrame, interFrame, audioFrame)).toEqual([
      keyFrame,
      interFrame,
      audioFrame,
    ]);
  });

  it('unpause is a pause of false, and audio alone continues at once', () => {
    const peer = new TestPeer().play();
    peer.command('pause', 0, [null, true, 0], 1);
    expect(through(peer, audioFrame)).toEqual([]);
    peer.command('unpause', 0, [null], 1);
    expect(through(peer, audioFrame)).toEqual([audioFrame]);
  });

  it('answers seek, because FFmpeg shows nothing before that, and changes nothing', () => {
    const peer = new TestPeer().play().command('seek', 0, [null, 60_000], 1);
    expect(peer.statuses.at(-1)).toMatchObject({ code: 'NetStream.Seek.Notify', level: 'status', messageStreamId: 1 });
    expect(through(peer, interFrame)).toEqual([interFrame]);
  });

  it('receiveVideo and receiveAudio switch a track off and on (7.2.2.4, 7.2.2.5)', () => {
    const peer = new TestPeer().play();
    peer.command('receiveVideo', 0, [null, false], 1);
    expect(through(peer, keyFrame, audioFrame)).toEqual([audioFrame]);
    peer.command('receiveAudio', 0, [null, false], 1);
    expect(through(peer, keyFrame, audioFrame, aacHeader)).toEqual([aacHeader]);
    peer.command('receiveVideo', 0, [null, true], 1);
    expect(codes(peer).slice(-2)).toEqual(['NetStream.Seek.Notify', 'NetStream.Play.Start']);
    expect(through(peer, interFrame, keyFrame, interFrame, audioFrame)).toEqual([keyFrame, interFrame]);
    peer.command('receiveAudio', 0, [null, true], 1);
    expect(through(peer, audioFrame)).toEqual([audioFrame]);
  });

  const endings: [string, (peer: TestPeer) => void][] = [
    ['closeStream', (peer) => peer.command('closeStream', 0, [null], 1)],
    ['deleteStream', (peer) => peer.command('deleteStream', 0, [null, 1])],
    ['deleteStream with a string', (peer) => peer.command('deleteStream', 0, [null, 'name'])],
    ['FCUnsubscribe', (peer) => peer.command('FCUnsubscribe', 0, [null, 'name'])],
    ['play(false)', (peer) => peer.command('play', 0, [null, false], 1)],
    ['the end of its connection', (peer) => peer.session.end()],
    ['garbage', (peer) => peer.control(1, u32(0))],
  ];
  it.each(endings)('A4.22 ends its play exactly once: %s', (_name, end) => {
    const peer = new TestPeer().play();
    end(peer);
    peer.settle();
    end(peer);
    peer.session.end();
    expect(types(peer.settle())).toEqual(['connected', 'play-request', 'stop-play', 'closed']);
  });

  it('also while its request waits: an accept is paired with a stop-play, a rejection with none', () => {
    for (const accepts of [true, false]) {
      const peer = new TestPeer();
      peer.acceptsPlays = false;
      peer.play().command('closeStream', 0, [null], 1);
      const before = peer.answers.length;
      if (accepts) peer.session.acceptPlay(1);
      else peer.session.rejectPlay(1, notFound);
      expect(types(peer.settle())).toEqual(['connected', 'play-request', ...(accepts ? ['stop-play'] : [])]);
      expect(peer.answers).toHaveLength(before);
    }
  });

  it('plays another name on the same message stream: the first play ends', () => {
    const peer = new TestPeer().play().command('play', 0, [null, 'other', -1, -1, false], 1);
    expect(types(peer)).toEqual(['connected', 'play-request', 'stop-play', 'play-request']);
    expect(peer.eventsOf('play-request')[1]).toMatchObject({ name: 'other', messageStreamId: 1 });
    expect(codes(peer)).toEqual(['NetStream.Play.Reset', 'NetStream.Play.Start', 'NetStream.Play.Start']);
  });

  it('asks about another name only when the first request has been answered', () => {
    const peer = new TestPeer();
    peer.acceptsPlays = false;
    peer.play().command('play', 0, [null, 'second'], 1).command('play', 0, [null, 'third'], 1);
    expect(peer.eventsOf('play-request').map(({ name }) => name)).toEqual(['name']);
    peer.acceptsPlays = true;
    peer.session.acceptPlay(1);
    expect(types(peer.settle())).toEqual(['connected', 'play-request', 'stop-play', 'play-request']);
    expect(peer.eventsOf('play-request')[1]?.name).toBe('third');
    expect(codes(peer)).toEqual(['NetStream.Play.Reset', 'NetStream.Play.Start']);
  });

  it('plays two streams at once, and publishes a third beside them', () => {
    const peer = new TestPeer()
      .play()
      .command('createStream', 5)
      .command('play', 0, [null, 'other'], 2)
      .command('createStream', 6)
      .command('publish', 7, [null, 'mine', 'live'], 3);
    expect(peer.session.stage).toBe('publishing');
    const sent = sentBy(peer, () => {
      peer.session.sendMedia(1, 'video', 1, keyFrame);
      peer.session.sendMedia(2, 'video', 2, keyFrame);
      expect(peer.session.sendMedia(3, 'video', 3, keyFrame)).toBe(false);
    });
    expect(sent.map(({ messageStreamId, timestamp }) => [messageStreamId, timestamp])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    peer.message(9, keyFrame, { messageStreamId: 3 }).command('closeStream', 0, [null], 1);
    expect(types(peer).slice(-2)).toEqual(['media', 'stop-play']);
    peer.command('publish', 8, [null, 'x', 'live'], 2);
    expect(peer.statuses.at(-1)).toMatchObject({ code: 'NetStream.Publish.BadName', messageStreamId: 2 });
    peer.session.end();
    expect(types(peer.settle()).slice(-3)).toEqual(['unpublish', 'stop-play', 'closed']);
  });

  it('C2.08 answers a flood of pauses and seeks with no more bytes than it received', () => {
    const peer = new TestPeer().play();
    const sizes = () => peer.answers.reduce((bytes, { body }) => bytes + body.length, 0);
    const before = sizes();
    const flood = Array.from({ length: 2000 }, (_, index) =>
      peer.commandBytes(index % 2 === 0 ? 'pause' : 'seek', 0, [null, true, 0] as AmfValue[], 1),
    );
    const bytes = Buffer.concat(flood);
    peer.send(bytes);
    expect(sizes() - before).toBeLessThan(bytes.length + 8192);
    expect(peer.session.stage).toBe('playing');
  });
});
