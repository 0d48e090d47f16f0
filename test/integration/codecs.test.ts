// Publishers with codecs other than H.264: their video is passed through and correctly described, beside H.264 rungs.
import { expect, it } from 'vitest';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { recordRendition, whenLive } from '../support/hls-client.js';
import { decodeErrors } from '../support/media-checks.js';

const CODECS = { hevc: /^hvc1\.1\.6\.L\d+\./, av1: /^av01\.0\.\d\dM\.08/, vp9: /^vp09\.00\.\d\d\.08/ };

it('A9.01 HEVC, AV1 and VP9 are passed through, and encoded for the rungs', async () => {
  const gateway = await startGateway('--ladder', 'source,144p');
  const names = ['hevc', 'av1', 'vp9'] as const;
  for (const name of names) {
    publishTestPattern(gateway.publishUrl(name), { codec: name, size: '320x180', duration: 8 });
  }
  for (const name of names) {
    const base = `${gateway.http}/hls/live/${name}`;
    const multivariant = await whenLive(base);
    const variants = [...multivariant.matchAll(/CODECS="([^",]+),mp4a\.40\.2".*\n(.*)\/index\.m3u8/g)];
    expect(variants.map(([, codecs = '', rendition]) => [codecs, rendition])).toEqual([
      [expect.stringMatching(CODECS[name]), 'source'],
      [expect.stringMatching(/^avc1\./), '144p'],
    ]);
  }
  for (const name of names) {
    const source = await recordRendition(`${gateway.http}/hls/live/${name}`, 'source');
    const [init] = source.inits.values();
    expect(source.inits.size).toBe(1);
    expect(source.segments.size).toBeGreaterThanOrEqual(3);
    const media = Buffer.concat([...source.segments.values()].map(({ bytes }) => bytes));
    expect(await decodeErrors(init ?? Buffer.alloc(0), media), name).toBe('');
  }
  expect(gateway.errors()).toEqual([]);
});
