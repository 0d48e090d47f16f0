// A viewer whose link limits the picture height: the offered renditions, and the answers to requests for others.
import { describe, expect, it } from 'vitest';
import { cappedManifest, cappedPlaylist } from '../../../src/servers/http/delivery/picture-cap.js';
import { protectedViewing } from '../../support/protected-viewing.js';
import { fakeDependencies, LIVE_STREAM } from './fake-origin.js';
import { openSite } from './site.js';

const PLAYLIST = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="audio/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=3,RESOLUTION=1280x720,AUDIO="a"
source/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=854x480,AUDIO="a"
480p/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=640x360
360p/index.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=3,RESOLUTION=1280x720,URI="source/iframes.m3u8"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,RESOLUTION=640x360,URI="360p/iframes.m3u8"
`;

const representation = (id: string, height?: number): string =>
  `      <Representation id="${id}" bandwidth="1"${height === undefined ? '' : ` width="9" height="${height}"`}>\n        <SegmentTemplate/>\n      </Representation>\n`;
const set = (...representations: string[]): string =>
  `    <AdaptationSet id="0">\n      <Role value="main"/>\n${representations.join('')}    </AdaptationSet>\n`;
const period = (id: string, ...sets: string[]): string =>
  `  <Period id="${id}">\n    <BaseURL>../../../hls/live/demo/</BaseURL>\n${sets.join('')}  </Period>\n`;
const mpd = (...periods: string[]): string => `<MPD>\n${periods.join('')}</MPD>\n`;

const namesIn = (text: string): string[] =>
  [...text.matchAll(/(?:^|URI=")(\w+\/\w+)\.m3u8/gm)].map(([, name = '']) => name);

describe('the playlist of a viewer with a maximum height', () => {
  it.each([
    [9_999, ['audio/index', 'source/index', '480p/index', '360p/index', 'source/iframes', '360p/iframes']],
    [720, ['audio/index', 'source/index', '480p/index', '360p/index', 'source/iframes', '360p/iframes']],
    [719, ['audio/index', '480p/index', '360p/index', '360p/iframes']],
    [480, ['audio/index', '480p/index', '360p/index', '360p/iframes']],
    // The lowest rendition is offered even if it is too tall.
    [100, ['audio/index', '360p/index', '360p/iframes']],
  ])('of %d lines lists %j', (height, names) => {
    expect(namesIn(cappedPlaylist(PLAYLIST, height))).toEqual(names);
  });

  it('is unchanged if there is no video', () => {
    const sound = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\naudio/index.m3u8\n';
    expect(cappedPlaylist(sound, 1)).toBe(sound);
  });
});

it('the MPD has only allowed renditions in each Period, and no empty AdaptationSet', () => {
  const sound = set(representation('audio'));
  const text = mpd(
    period(
      'p0',
      set(representation('source', 720), representation('480p', 480)),
      set(representation('hevc', 1080)),
      sound,
    ),
    period('p1', set(representation('source', 720)), sound),
  );
  expect(cappedManifest(text, 480)).toBe(
    mpd(period('p0', set(representation('480p', 480)), sound), period('p1', set(representation('source', 720)), sound)),
  );
  expect(cappedManifest(text, 1080)).toBe(text);
});

async function openLadder() {
  const viewing = protectedViewing();
  const renditions = [{ name: 'source', height: 720 }, { name: '480p', height: 480 }, { name: 'audio' }];
  const dash = {
    manifest: async () =>
      ({
        status: 200,
        kind: 'manifest',
        body: Buffer.from(mpd(period('p0', set(representation('source', 720), representation('480p', 480))))),
        targetDuration: 2,
      }) as const,
    time: () => Date.now(),
  };
  const dependencies = fakeDependencies({ dash });
  dependencies.origin.respond = ({ method }) => {
    const kind = method === 'multivariant' ? 'multivariant' : method === 'file' ? 'segment' : 'media-playlist';
    return { status: 200, kind, body: Buffer.from(PLAYLIST), targetDuration: 2 };
  };
  const streams = { list: () => [], get: () => ({ ...LIVE_STREAM, renditions }) };
  const site = await openSite({ ...dependencies, streams, access: viewing.access });
  const get = (path: string) => fetch(`http://127.0.0.1:${site.plain}${path}`);
  return { ...viewing, get };
}

it('leads from the link to a ticket that gives the offered renditions, and nothing taller', async () => {
  const { get, token } = await openLadder();
  const query = `?token=${token('live/demo', { max_height: 480 })}`;
  const playlist = await (await get(`/hls/live/demo/index.m3u8${query}`)).text();
  expect(playlist).not.toContain('source/');
  const ticket = /~1[^/]+/.exec(playlist)?.[0] ?? '';
  expect(ticket).toMatch(/\.480s[\w-]{22}$/);
  const status = async (path: string): Promise<number> => (await get(`/hls/${ticket}/live/demo/${path}`)).status;
  for (const rendition of ['480p', 'audio'])
    for (const file of ['index.m3u8', 'seg-1.m4s']) expect(await status(`${rendition}/${file}`)).toBe(200);
  for (const file of ['index.m3u8', 'iframes.m3u8', 'seg-1.m4s', 'part-1.0.m4s']) {
    const refused = await get(`/hls/${ticket}/live/demo/source/${file}`);
    expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'http.too-tall' }]);
  }
  // The height is signed as well.
  for (const other of [
    ticket.replace('.480s', '.720s'),
    ticket.replace('.480s', '.s'),
    ticket.replace('.480s', '.0480s'),
  ])
    expect((await get(`/hls/${other}/live/demo/480p/index.m3u8`)).status).toBe(403);
  // Below the ticket the entries are the same.
  for (const path of [
    `/hls/${ticket}/live/demo/index.m3u8`,
    `/dash/${ticket}/live/demo/manifest.mpd`,
    `/dash/live/demo/manifest.mpd${query}`,
  ]) {
    const text = await (await get(path)).text();
    expect(text, path).toContain('480p');
    expect(text, path).not.toContain('source');
  }
  // A viewer without a limit gets all renditions.
  expect(await (await get(`/hls/live/demo/index.m3u8?token=${token('live/demo')}`)).text()).toContain('/source/');
});

it('is a claim from 1 to 9999', () => {
  const { token } = protectedViewing();
  for (const height of [0, 10_000, 1.5, Number.NaN, -1])
    expect(() => token('live/demo', { max_height: height })).toThrow('max_height');
});
