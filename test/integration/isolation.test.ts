// Streams are isolated although they share a process: the end of one publisher does not affect others, and a returning name continues its numbers.
import { describe, expect, it } from 'vitest';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { eventually, fetchText, parseMediaPlaylist, recordRendition, whenLive } from '../support/hls-client.js';
import { readSegment } from '../support/media-checks.js';
import { ffmpegChildren } from '../support/processes.js';

describe('three publishers of different sizes', () => {
  it('one is killed: its playlist ends and its FFmpeg exits, the others have no gap', async () => {
    const gateway = await startGateway('--ladder', 'source,144p', '--segment-duration', '1');
    const sizes = { one: '640x360', two: '426x240', three: '320x180' };
    const publishers = Object.entries(sizes).map(([name, size]) =>
      publishTestPattern(gateway.publishUrl(name), { size, preset: 'ultrafast', gop: 25 }),
    );
    const [first, second, third] = publishers;
    if (!first || !second || !third) throw new Error('three publishers');
    await Promise.all(Object.keys(sizes).map((name) => whenLive(`${gateway.http}/hls/live/${name}`)));
    expect(await ffmpegChildren()).toHaveLength(3 + publishers.length);

    const survivors = ['one', 'three'].map((name) => recordRendition(`${gateway.http}/hls/live/${name}`, 'source'));
    const killed = recordRendition(`${gateway.http}/hls/live/two`, 'source');
    second.child.kill('SIGKILL');
    await second.exit;
    const ended = await killed;
    expect(ended.playlists.at(-1)).toContain('#EXT-X-ENDLIST');
    await eventually(async () => ((await ffmpegChildren()).length === 4 ? true : undefined));

    // The others continue for a few segments after the death.
    for (const name of ['one', 'three']) {
      const url = `${gateway.http}/hls/live/${name}/source/index.m3u8`;
      const now = parseMediaPlaylist(await fetchText(url));
      await fetchText(`${url}?_HLS_msn=${now.mediaSequence + now.segments.length + 1}`);
    }
    // FFmpeg 7.0 ignores SIGINT and SIGTERM while data flows.
    for (const publisher of [first, third]) publisher.child.kill('SIGKILL');
    for (const recorded of await Promise.all(survivors)) {
      expect(recorded.playlists.join('')).not.toMatch(/EXT-X-DISCONTINUITY\n|EXT-X-GAP/);
      let previousEnd: number | undefined;
      for (const segment of recorded.segments.values()) {
        const facts = readSegment(recorded.inits.get(segment.map ?? '') ?? Buffer.alloc(0), segment.bytes);
        if (previousEnd !== undefined) expect(Math.abs(facts.decodeStart - previousEnd)).toBeLessThan(0.002);
        previousEnd = facts.decodeEnd;
      }
    }
    await eventually(async () => ((await ffmpegChildren()).length === 0 ? true : undefined));
  });
});

describe('a name that is published twice', () => {
  it('A8.03 refuses a second publisher while the first sends, and B1.03 continues its numbers when it returns', async () => {
    const gateway = await startGateway('--ladder', 'source', '--segment-duration', '1');
    const pattern = { preset: 'ultrafast', gop: 25 };
    const first = publishTestPattern(gateway.publishUrl('name'), { ...pattern, duration: 6 });
    const base = `${gateway.http}/hls/live/name`;
    await whenLive(base);
    const recording = recordRendition(base, 'source');

    const second = publishTestPattern(gateway.publishUrl('name'), { ...pattern, duration: 6 });
    expect((await second.exit).code).not.toBe(0);
    expect(second.stderr()).toContain('already being published');
    expect((await first.exit).code).toBe(0);

    const earlier = await recording;
    const third = publishTestPattern(gateway.publishUrl('name'), { ...pattern, duration: 3 });
    await eventually(async () =>
      (await fetchText(`${base}/source/index.m3u8`)).includes('ENDLIST') ? undefined : true,
    );
    const later = await recordRendition(base, 'source');
    expect((await third.exit).code).toBe(0);
    const last = Math.max(...earlier.segments.keys());
    expect(Math.min(...later.segments.keys())).toBeGreaterThan(last);
    const uris = [...earlier.segments.values(), ...later.segments.values()].map(({ uri }) => uri);
    expect(new Set(uris).size).toBe(uris.length);
    expect([...later.inits.keys()]).not.toContain([...earlier.inits.keys()][0]);
  });
});
