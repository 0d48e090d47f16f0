// Players over real sockets: what they get first, and that a slow one harms only itself.
import { describe, expect, it } from 'vitest';
import { encodeAmf0 } from '../../../src/protocols/amf/amf0-encoder.js';
import { amfObject } from '../../../src/protocols/amf/values.js';
import { SluiceError } from '../../../src/protocols/errors.js';
import type { PlayItem } from '../../../src/servers/rtmp/playing.js';
import {
  audioBody,
  CommandPeer,
  Encoder,
  type ServerSetup,
  StreamForPlayers,
  startServer,
} from './server-under-test.js';

const metadata: PlayItem = {
  kind: 'script',
  dts: 500,
  sequenceHeader: false,
  body: encodeAmf0(['onMetaData', amfObject([['width', 640]])]),
};
const header: PlayItem = { kind: 'video', dts: 900, sequenceHeader: true, body: Buffer.from([0x17, 0, 0, 0, 0, 1]) };
const video = (dts: number, keyFrame: boolean, bytes = 20): PlayItem => ({
  kind: 'video',
  dts,
  sequenceHeader: false,
  body: Buffer.concat([Buffer.from([keyFrame ? 0x17 : 0x27, 1, 0, 0, 0]), Buffer.alloc(bytes, 7)]),
});

async function playable(setup: ServerSetup = {}) {
  const stream = new StreamForPlayers();
  stream.start = [metadata, header, video(90_000, true), video(90_040, false)];
  const play = { access: { check: async () => ({ allowed: true }) as const }, admission: { open: stream.open } };
  return { stream, ...(await startServer({ play, ...setup })) };
}

describe('playing over RTMP', () => {
  it('A4.20 starts with metadata, headers and a key frame, on a clock that starts at 0', async () => {
    const { port, stream, server, logs } = await playable();
    const player = await CommandPeer.open(port);
    player.play('show');
    await player.until(() => player.media.length === 4);
    expect(player.codes).toEqual(['NetStream.Play.Reset', 'NetStream.Play.Start']);
    expect(player.media.map(({ type, timestamp }) => [type, timestamp])).toEqual([
      [18, 0],
      [9, 0],
      [9, 0],
      [9, 40],
    ]);
    expect(player.media.map(({ body }) => body)).toEqual(stream.start.map(({ body }) => body));
    stream.push({ kind: 'audio', dts: 90_050.4, sequenceHeader: false, body: audioBody() });
    await player.until(() => player.media.length === 5);
    expect(player.media.at(-1)?.timestamp).toBe(50);
    expect(stream.requests).toEqual([{ app: 'live', name: 'show', remoteAddress: '127.0.0.1' }]);
    expect(server.counters).toMatchObject({ viewers: 1, playsAccepted: 1 });

    player.socket.end();
    await player.closed;
    await expect.poll(() => server.counters.viewers).toBe(0);
    expect(stream.closed).toBe(1);
    const lines = logs.filter(({ level }) => level !== 'debug').map(({ message }) => message);
    expect(lines).toEqual(['play started', 'play ended']);
  });

  it('A4.20 answers StreamNotFound for a stream that is not live, and closes the connection', async () => {
    const { port, stream, server } = await playable();
    stream.live = false;
    const player = await CommandPeer.open(port);
    player.play('nobody');
    await player.closed;
    expect(player.codes).toEqual(['NetStream.Play.StreamNotFound']);
    expect(server.counters).toMatchObject({ viewers: 0, playsAccepted: 0, playsRefused: 1 });
  });

  it('A4.20 answers Play.Failed and closes if playing is off', async () => {
    const { port, server } = await startServer();
    const player = await CommandPeer.open(port);
    player.play('show');
    await player.closed;
    expect(player.codes).toEqual(['NetStream.Play.Failed']);
    expect(server.counters.closedByError.get('rtmp-server.play-off')).toBe(1);
  });

  it('checks who may watch, and reveals nothing about the stream to others', async () => {
    const stream = new StreamForPlayers();
    const error = new SluiceError('access.publish-denied', 'denied', 'not for you');
    const play = {
      access: { check: async () => ({ allowed: false, error }) as const },
      admission: { open: stream.open },
    };
    const { port } = await startServer({ play });
    const player = await CommandPeer.open(port);
    player.play('show');
    await player.closed;
    expect([player.codes, player.descriptions]).toEqual([['NetStream.Play.Failed'], ['not for you']]);
    expect(stream.requests).toEqual([]);
  });

  it('sends nothing to a paused player, and resumes at a key frame with a continuous clock', async () => {
    const { port, stream } = await playable();
    const player = await CommandPeer.open(port);
    player.play('show');
    await player.until(() => player.media.length === 4);
    player.command('pause', 4, [null, true, 40], 1);
    await player.untilCode('NetStream.Pause.Notify');
    expect(stream.closed).toBe(1);
    stream.push(video(90_080, false));
    stream.start = [metadata, header, video(180_000, true)];
    player.command('pause', 5, [null, false, 40], 1);
    await player.untilCode('NetStream.Unpause.Notify');
    await player.until(() => player.media.length === 7);
    stream.push(video(180_040, false));
    await player.until(() => player.media.length === 8);
    expect(player.media.slice(4).map(({ timestamp }) => timestamp)).toEqual([40, 40, 41, 81]);
  });

  it('informs players that the publisher has left, after all its media', async () => {
    const { port, stream, server } = await playable();
    const player = await CommandPeer.open(port);
    player.play('show');
    await player.until(() => player.media.length === 4);
    stream.push(video(90_080, false), video(90_120, false));
    stream.end();
    await player.untilCode('NetStream.Play.UnpublishNotify');
    expect(player.media).toHaveLength(6);
    // Stream EOF: user control event 1.
    expect(player.messages.some(({ type, body }) => type === 4 && body.readUInt16BE(0) === 1)).toBe(true);
    await expect.poll(() => server.counters.viewers).toBe(0);
  });

  it('A8.07 leaves tags that a player does not read in the stream, and continues when it reads', async () => {
    const { port, stream, server, target } = await playable();
    const slow = await CommandPeer.open(port);
    const quick = await CommandPeer.open(port);
    slow.play('show');
    quick.play('show');
    await Promise.all([slow, quick].map((player) => player.until(() => player.media.length === 4)));
    slow.socket.pause();
    const frames = 200;
    for (let i = 0; i < frames; i++) stream.push(video(90_080 + i * 40, i % 25 === 0, 200_000));
    await quick.until(() => quick.media.length === 4 + frames);
    // The kernel has taken some, our socket a little. The rest waits where it can be dropped.
    expect(stream.waiting).toBeGreaterThan(50);
    const publisher = new Encoder(port, 'other');
    await publisher.event('publishing');
    publisher.send('audio', 0, audioBody());
    await (await target()).received(1);
    slow.socket.resume();
    await slow.until(() => slow.media.length === 4 + frames);
    expect(slow.media.at(-1)?.timestamp).toBe(80 + (frames - 1) * 40);
    expect(server.counters.closedByError.size).toBe(0);
  });

  it('A8.01 gives up a player that has disappeared without closing its connection', async () => {
    const { port, server, stream } = await playable({ idleTimeout: 200 });
    const player = await CommandPeer.open(port);
    player.play('show');
    await player.until(() => player.media.length === 4);
    // Nothing answers the pings: this player only reads.
    await player.closed;
    expect(server.counters.closedByError.get('rtmp-server.idle-timeout')).toBe(1);
    expect([stream.closed, server.counters.viewers]).toEqual([1, 0]);
  });

  it('C2.03 counts players as connections', async () => {
    const { port, server } = await playable({ maxConnections: 1 });
    const player = await CommandPeer.open(port);
    player.play('show');
    await player.untilCode('NetStream.Play.Start');
    const second = await CommandPeer.open(port);
    await second.closed;
    expect(server.counters.refusedTotalLimit).toBe(1);
  });
});
