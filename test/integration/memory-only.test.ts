// `mediaDir: none` keeps media only in memory. Viewers see no difference, nothing is written, and a second process reuses no file name.
import { mkdir, readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.js';
import { publishLoop } from '../faults/looping-publisher.js';
import { followStream } from '../support/followed-stream.js';
import { startGateway } from '../support/gateway.js';
import { fetchText, whenListed } from '../support/hls-client.js';
import { parsePlaylist } from '../support/playlist-checker.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { makeFlvSource } from '../transcode/flv-source.js';

const FLAGS = ['--media-dir', 'none', '--ladder', 'source', '--segment-duration', '1', '--part-duration', '0.25'];

it('serves a stream and its end without writing a file', async () => {
  const directory = await temporaryDirectory();
  await mkdir(`${directory}/state`);
  const { http, publishUrl, logs } = await startGateway(...FLAGS, '--state-dir', `${directory}/state`);
  const source = await makeFlvSource({ seconds: 4, gop: 25 });
  followStream(`${http}/hls/live/memory`);
  const publisher = await publishLoop(publishUrl('memory'), source, { burst: 6 });
  await whenListed(`${http}/hls/live/memory`, 'source', 8);
  await publisher.stop();
  await expect.poll(() => fetchText(`${http}/hls/live/memory/source/index.m3u8`)).toContain('#EXT-X-ENDLIST');
  expect(await readdir(directory)).toEqual(['state']);
  expect(logs.filter(({ level }) => level >= 40)).toEqual([]);
});

it('continues after the numbers of an earlier process, whose players see a discontinuity', async () => {
  const source = await makeFlvSource({ seconds: 4, gop: 25 });
  const numbers = [];
  for (let life = 0; life < 2; life += 1) {
    const { http, publishUrl, close } = await startGateway(...FLAGS);
    const publisher = await publishLoop(publishUrl('memory'), source);
    await whenListed(`${http}/hls/live/memory`, 'source', 2);
    const text = await fetchText(`${http}/hls/live/memory/source/index.m3u8`);
    const { segments } = parsePlaylist(text);
    numbers.push({
      first: segments[0]?.mediaSequence ?? Number.NaN,
      last: segments.at(-1)?.mediaSequence ?? Number.NaN,
      discontinuity: Number(/DISCONTINUITY-SEQUENCE:(\d+)/.exec(text)?.[1]),
    });
    await publisher.stop();
    await close();
  }
  const [earlier, later] = numbers;
  expect(later?.first).toBeGreaterThan(earlier?.last ?? Number.NaN);
  expect(later?.discontinuity).toBeGreaterThan(earlier?.discontinuity ?? Number.NaN);
});

it('rejects options that need a disk', () => {
  for (const [option, value] of [
    ['dvrWindow', '600'],
    ['playlistType', 'event'],
  ] as const) {
    expect(() => loadConfig({ options: { mediaDir: 'none', [option]: value }, env: {} })).toThrow(
      `${option}: got "${value}", which needs a media directory, but options.mediaDir is none`,
    );
  }
});
