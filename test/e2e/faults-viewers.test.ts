// A hundred viewers of every kind leave at the same moment, without any effect on the publisher.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { eventually, fetchText, whenLive } from '../support/hls-client.js';
import { parsePlaylist } from '../support/playlist-checker.js';
import { PlaylistFollower } from '../support/playlist-follower.js';

const VIEWERS = 100;

/** A viewer whose request waits for the part after the next one, on a connection of its own. */
async function blockedViewer(port: number, path: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.resume().on('error', () => socket.destroy());
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  return socket;
}

it('A8.07 a hundred viewers leave at once; the publisher and all other viewers go on', async () => {
  // Long segments, so that requests for a whole segment still wait when the test checks.
  const gateway = await startGateway('--ladder', 'source', '--segment-duration', '4', '--max-waiters-per-ip', '1000');
  const publisher = publishTestPattern(gateway.publishUrl('main'), { size: '320x180', preset: 'ultrafast', gop: 100 });
  const base = `${gateway.http}/hls/live/main`;
  await whenLive(base);
  followStream(base);
  const follower = new PlaylistFollower(base, 'source');
  const { mediaSequence, segments } = parsePlaylist(await fetchText(`${base}/source/index.m3u8`));
  const next = mediaSequence + segments.length + 1;
  const port = Number(new URL(gateway.http).port);
  const path = `/hls/live/main/source/index.m3u8?_HLS_msn=${next}`;
  const viewers = await Promise.all(Array.from({ length: VIEWERS }, () => blockedViewer(port, path)));
  const waiting = async () =>
    Number(/^sluice_hls_waiting (\d+)/m.exec(await fetchText(`${gateway.http}/metrics`))?.[1]);
  await eventually(async () => ((await waiting()) >= VIEWERS ? true : undefined));

  for (const viewer of viewers) viewer.resetAndDestroy();
  await eventually(async () => ((await waiting()) < 5 ? true : undefined));
  const after = follower.last?.mediaSequence ?? 0;
  const count = (follower.last?.segments.length ?? 0) + after;
  // The next segment after they left, with nothing missing.
  await eventually(async () => {
    follower.check();
    return (follower.last?.mediaSequence ?? 0) + (follower.last?.segments.length ?? 0) > count + 1 ? true : undefined;
  });
  await follower.stop();
  expect(follower.refusals).toEqual([]);
  expect(follower.last?.segments.some(({ gap, discontinuity }) => gap || discontinuity)).toBe(false);
  expect(publisher.child.exitCode).toBeNull();
  const state: unknown = await (await fetch(`${gateway.http}/api/v1/streams/live/main`)).json();
  expect(state).toMatchObject({ state: 'live', publishes: 1 });
  expect(gateway.errors()).toEqual([]);
});
