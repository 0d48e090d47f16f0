// `firstSegment: part` with a real publisher, a rung that FFmpeg encodes, and a real player that waits.
import { expect, it } from 'vitest';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { fetchText, whenListed } from '../support/hls-client.js';
import { runFfmpeg } from '../support/ladder-recording.js';
import { parsePlaylist } from '../support/playlist-checker.js';

it('B2.07 a player that waits gets a picture from a first segment that is shorter than the GOP, in every rendition', async () => {
  // A GOP of eight seconds, so that the player waits before its end on any machine.
  const gateway = await startGateway(
    ...['--first-segment', 'part', '--segment-duration', '8', '--part-duration', '0.5', '--ladder', 'source,144p'],
  );
  publishTestPattern(gateway.publishUrl('first'), { size: '320x180', gop: 200, bFrames: 2 });
  const stream = `${gateway.http}/hls/live/first`;
  await whenListed(stream, 'source', 1);
  expect(await fetchText(`${stream}/index.m3u8`)).not.toContain('EXT-X-INDEPENDENT-SEGMENTS');
  const firsts = [];
  for (const rendition of ['source', '144p', 'audio']) {
    const { targetDuration, segments } = parsePlaylist(await fetchText(`${stream}/${rendition}/index.m3u8`));
    expect(targetDuration).toBe(8);
    expect(segments[0]?.parts[0]?.independent).toBe(true);
    firsts.push(segments[0]?.duration ?? Number.NaN);
  }
  for (const duration of firsts) {
    expect(duration).toBeLessThan(7.6);
    expect(Math.abs(duration - (firsts[0] ?? 0))).toBeLessThan(0.1);
  }
  const played = await runFfmpeg([
    '-v',
    'error',
    '-i',
    `${stream}/144p/index.m3u8`,
    '-frames:v',
    '5',
    '-f',
    'null',
    '-',
  ]);
  expect([played.status, played.stderr]).toEqual([0, '']);
  expect(gateway.errors()).toEqual([]);
});
