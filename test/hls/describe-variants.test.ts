// What a multivariant playlist promises players before they have loaded any media.
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { describeVariants, type MeasuredRendition } from '../../src/hls/playlists/describe-variants.js';
import { renderMultivariantPlaylist } from '../../src/hls/playlists/multivariant-playlist.js';

const source: MeasuredRendition = {
  plan: { name: 'source', kind: 'video', input: 'pipe', width: 1920, height: 1080, frameRate: 29.97 },
  track: { codecs: 'avc1.640028', width: 1920, height: 1080 },
  listedTracks: [],
  bandwidth: { peak: 4_000_000, average: 3_500_000, duration: 120, iFramePeak: 400_000, iFrameAverage: 300_000 },
};
const rung: MeasuredRendition = {
  plan: {
    name: '720p',
    kind: 'video',
    input: 'pipe',
    width: 1280,
    height: 720,
    frameRate: 29.97,
    bitrate: 2_800_000,
    maxrate: 3_000_000,
  },
  track: { codecs: 'avc1.64001F', width: 1280, height: 720 },
  listedTracks: [],
  bandwidth: { peak: 1_000_000, average: 900_000, duration: 120, iFramePeak: 150_000, iFrameAverage: 120_000 },
};
const audio: MeasuredRendition = {
  plan: { name: 'audio', kind: 'audio', input: 'pipe', bitrate: 128_000, channels: 2 },
  track: { codecs: 'mp4a.40.2', channels: 2 },
  listedTracks: [],
  bandwidth: { peak: 130_000, average: 128_500, duration: 120, iFramePeak: 0, iFrameAverage: 0 },
};

describe('multivariant playlist', () => {
  it('B2.01 B2.02 B2.06 B2.08 lists a ladder in its order, with one audio group', async () => {
    const text = renderMultivariantPlaylist(describeVariants([source, rung, audio], 29.97, true));
    expect(text).toBe(await readFile(new URL('golden/ladder.m3u8', import.meta.url), 'utf8'));
  });

  it('B2.03 announces rates that cover what was measured and what the encoder may still reach, audio included', () => {
    const { variants } = describeVariants([source, rung, audio], 29.97, true);
    expect(variants[0]?.bandwidth).toBeGreaterThanOrEqual(4_000_000 * 1.1 + 130_000);
    expect(variants[1]?.bandwidth).toBeGreaterThanOrEqual(3_000_000 + 130_000);
    expect(variants[1]?.averageBandwidth).toBeGreaterThanOrEqual(2_800_000 + 128_000);
  });

  describe('B2.03 rates of a copied source', () => {
    /** The state after a first segment with very few bits. */
    function quiet(bitrate?: number, duration = 2): MeasuredRendition {
      const plan = bitrate === undefined ? source.plan : { ...source.plan, bitrate };
      return {
        ...source,
        plan,
        bandwidth: { peak: 500_000, average: 400_000, duration, iFramePeak: 9_000, iFrameAverage: 9_000 },
      };
    }
    const first = (...renditions: MeasuredRendition[]) => describeVariants(renditions, 29.97, true).variants[0];

    it('cover the announced rate of the publisher, with the container', () => {
      const announced = first(quiet(6_000_000), rung, audio);
      expect(announced?.bandwidth).toBeGreaterThanOrEqual(6_000_000 * 1.1 + 130_000);
      expect(announced?.averageBandwidth).toBeGreaterThanOrEqual(6_000_000 + 128_000);
    });

    it('are not below those of a smaller picture just because the first segment had a low rate', () => {
      const { variants } = describeVariants([quiet(), rung, audio], 29.97, true);
      expect(variants[0]?.bandwidth).toBe(variants[1]?.bandwidth);
      expect(variants[0]?.averageBandwidth).toBe(variants[1]?.averageBandwidth);
    });

    it('may be below them after a minute of media', () => {
      expect(first(quiet(undefined, 60), rung, audio)?.bandwidth).toBe(700_000);
    });

    it('are not raised by a larger picture, nor by an encoded rung', () => {
      const large = { ...rung, plan: { ...rung.plan, name: '1440p', width: 2560, height: 1440 } };
      const larger = { ...large, track: { codecs: 'avc1.640032', width: 2560, height: 1440 } };
      expect(first(quiet(), larger, audio)?.bandwidth).toBe(700_000);
      const { variants } = describeVariants([quiet(8_000_000), rung], 29.97, true);
      expect(variants[1]?.bandwidth).toBe(3_000_000);
    });
  });

  it('B2.05 audio alone, video alone', () => {
    expect(describeVariants([audio], undefined, true)).toEqual({
      version: 6,
      independentSegments: true,
      iFrames: [],
      variants: [{ uri: 'audio/index.m3u8', bandwidth: 150_000, averageBandwidth: 130_000, codecs: ['mp4a.40.2'] }],
    });
    const video = describeVariants([source], 29.97, true);
    expect(video.audio).toBeUndefined();
    expect(video.variants[0]).not.toHaveProperty('audio');
    expect(video.variants[0]?.codecs).toEqual(['avc1.640028']);
  });

  it.each([
    { transfers: [1, undefined], range: undefined },
    { transfers: [undefined], range: undefined },
    { transfers: [14, 18], range: 'HLG' },
    { transfers: [18, 16, 1], range: 'PQ' },
  ])('B2.02 VIDEO-RANGE of transfer characteristics $transfers: $range (4.4.6.2)', ({ transfers, range }) => {
    const [track, ...listedTracks] = transfers.map((transfer) => ({
      codecs: 'hvc1.2.4.L120.90',
      ...(transfer !== undefined && { color: { primaries: 9, transfer, matrix: 9, fullRange: false } }),
    }));
    const text = renderMultivariantPlaylist(
      describeVariants([{ ...source, track, listedTracks }, rung, audio], 29.97, true),
    );
    const of = (uri: string): (string | undefined)[] =>
      text
        .replaceAll(/\n(?=[^#])/g, ',URI=')
        .split('\n')
        .filter((line) => line.includes(uri))
        .map((line) => /VIDEO-RANGE=(\w+)/.exec(line)?.[1]);
    expect(of('source/')).toEqual([range, range]);
    expect(of('720p/')).toEqual([undefined, undefined]);
  });

  it('B2.03 are measured over all segments after the end, without a margin for future ones (4.4.6.2)', () => {
    const { variants, iFrames } = describeVariants([source, rung, audio], 29.97, true, true);
    expect(variants.map(({ bandwidth, averageBandwidth }) => [bandwidth, averageBandwidth])).toEqual([
      [4_130_000, 3_628_500],
      [1_130_000, 1_028_500],
    ]);
    expect(iFrames.map(({ bandwidth, averageBandwidth }) => [bandwidth, averageBandwidth])).toEqual([
      [400_000, 300_000],
      [150_000, 120_000],
    ]);
  });

  it('keep the text unchanged when measured rates change a little', () => {
    const text = (peak: number): string =>
      renderMultivariantPlaylist(
        describeVariants([{ ...source, bandwidth: { ...source.bandwidth, peak } }], 29.97, true),
      );
    expect(text(4_000_000)).toBe(text(3_999_000));
  });
});
