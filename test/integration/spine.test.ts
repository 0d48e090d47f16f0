// The main path, end to end: a real encoder publishes, FFmpeg transcodes, and every rendition is checked as a player gets it.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VIDEO_TIMESCALE } from '../../src/protocols/units.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { eventually, recordStream, whenLive } from '../support/hls-client.js';
import { audioVideoOffset, decodeErrors, readSegment, writeTrack } from '../support/media-checks.js';
import { ffmpegChildren } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const FRAME = 1 / 25;

describe('a 1280x720 publisher with B-frames and AAC', () => {
  it('becomes source, 480p, 360p and audio: decodable, aligned, in sync, ended', async () => {
    const directory = await temporaryDirectory();
    const gateway = await startGateway('--ladder', 'source,480p,360p');
    const sent = join(directory, 'sent.flv');
    const publisher = publishTestPattern(gateway.publishUrl('main'), {
      duration: 11,
      copyTo: sent,
      // A white flash and a beep at every full second show the offset between picture and sound. Grain gives it as many bits as a camera's
      // picture.
      videoSource: "color=c=black:s=1280x720:r=25,drawbox=c=white:t=fill:enable='lt(mod(t,1),0.2)',noise=alls=8:allf=t",
      audioSource: "aevalsrc='if(lt(mod(t,1),0.2),0.8*sin(2*PI*880*t),0)':s=48000",
    });
    const base = `${gateway.http}/hls/live/main`;
    const multivariant = await whenLive(base);
    const names = ['source', '480p', '360p', 'audio'];
    const renditions = await recordStream(base, names);

    expect(await publisher.exit).toEqual({ code: 0, signal: null });
    expect(publisher.stderr()).toBe('');
    expect(gateway.errors()).toEqual([]);

    // This comes first, because an ended stream stays only for its window. The static tree must be complete: all listed files exist, byte
    // for byte as they were served. It is written later, so ENDLIST may come a moment after it came over HTTP.
    for (const rendition of renditions) {
      const folder = join(gateway.mediaDir, 'live', 'main', rendition.name);
      const onDisk = await eventually(async () => {
        const text = await readFile(join(folder, 'index.m3u8'), 'utf8');
        return text.includes('#EXT-X-ENDLIST') ? text : undefined;
      });
      expect(onDisk).not.toContain('#EXT-X-PART');
      const files = await readdir(folder);
      for (const segment of rendition.segments.values()) {
        if (!onDisk.includes(segment.uri)) continue;
        expect(files).toContain(segment.uri);
        expect((await readFile(join(folder, segment.uri))).equals(segment.bytes)).toBe(true);
      }
    }
    // B2.01, B2.02
    const variants = [...multivariant.matchAll(/^#EXT-X-STREAM-INF:(.*)\n(.*)$/gm)].map(([, info = '', uri = '']) => ({
      info,
      uri,
    }));
    expect(variants.map(({ uri }) => uri)).toEqual(['source/index.m3u8', '480p/index.m3u8', '360p/index.m3u8']);
    for (const { info } of variants) {
      expect(info).toMatch(/CODECS="avc1\.[0-9A-F]{6},mp4a\.40\.2"/i);
      expect(info).toMatch(/FRAME-RATE=25\.000/);
      expect(info).toMatch(/(^|,)BANDWIDTH=\d+/);
      expect(info).toMatch(/AVERAGE-BANDWIDTH=\d+/);
      expect(info).toMatch(/AUDIO="audio"/);
    }
    expect(variants.map(({ info }) => /RESOLUTION=(\d+x\d+)/.exec(info)?.[1])).toEqual([
      '1280x720',
      '854x480',
      '640x360',
    ]);

    const facts = new Map<string, Map<number, ReturnType<typeof readSegment>>>();
    for (const rendition of renditions) {
      expect(rendition.playlists.at(-1)).toContain('#EXT-X-ENDLIST');
      expect(rendition.segments.size).toBeGreaterThanOrEqual(5);
      const perSegment = new Map<number, ReturnType<typeof readSegment>>();
      let previousEnd: number | undefined;
      for (const [sequence, segment] of rendition.segments) {
        const init = rendition.inits.get(segment.map ?? '');
        if (init === undefined) throw new Error(`${rendition.name} ${sequence}: no EXT-X-MAP`);
        expect(await decodeErrors(init, segment.bytes), `${rendition.name} ${segment.uri}`).toBe('');
        const fact = readSegment(init, segment.bytes);
        perSegment.set(sequence, fact);
        expect(fact.startsWithSync, `${rendition.name} ${segment.uri} starts with a key frame`).toBe(true);
        if (previousEnd !== undefined)
          expect(Math.abs(fact.decodeStart - previousEnd)).toBeLessThanOrEqual(1 / fact.timescale + 1e-9);
        previousEnd = fact.decodeEnd;
        expect(Math.abs(segment.duration - (fact.decodeEnd - fact.decodeStart))).toBeLessThan(0.001);
      }
      facts.set(rendition.name, perSegment);
    }

    // Otherwise hls.js re-anchors the stream at each change of quality: see VIDEO_TIMESCALE.
    for (const name of ['source', '480p', '360p']) {
      const timescales = [...(facts.get(name)?.values() ?? [])].map(({ timescale }) => timescale);
      expect(new Set(timescales), name).toEqual(new Set([VIDEO_TIMESCALE]));
    }

    // B2.04: the same media sequence number means the same media time, within one frame, in every rendition.
    const source = facts.get('source');
    for (const name of ['480p', '360p', 'audio']) {
      const other = facts.get(name);
      const shared = [...(source?.keys() ?? [])].filter((sequence) => other?.has(sequence));
      expect(shared.length).toBeGreaterThanOrEqual(5);
      for (const sequence of shared) {
        const difference =
          (other?.get(sequence)?.presentationStart ?? 0) - (source?.get(sequence)?.presentationStart ?? 0);
        // The first audio segment begins where the audio begins.
        if (name === 'audio' && sequence === shared[0]) expect(Math.abs(difference)).toBeLessThan(0.1);
        else expect(Math.abs(difference), `${name} ${sequence}`).toBeLessThanOrEqual(FRAME + 1e-6);
      }
    }

    const audio = renditions[3];
    const inputOffset = await audioVideoOffset(sent, sent);
    for (const rendition of renditions.slice(0, 3)) {
      const track = async (recorded: typeof rendition | undefined): Promise<string> => {
        const init = [...(recorded?.inits.values() ?? [])][0];
        if (recorded === undefined || init === undefined) throw new Error('nothing recorded');
        return writeTrack(
          directory,
          recorded.name,
          init,
          [...recorded.segments.values()].map(({ bytes }) => bytes),
        );
      };
      const outputOffset = await audioVideoOffset(await track(rendition), await track(audio));
      expect(
        Math.abs(outputOffset - inputOffset),
        `${rendition.name}: ${outputOffset} ms, sent ${inputOffset} ms`,
      ).toBeLessThanOrEqual(25);
    }

    expect(await ffmpegChildren()).toEqual([]);
    expect(JSON.stringify(gateway.logs)).not.toContain(gateway.key);
  });
});

describe('publishers with one track', () => {
  it.each([
    { what: 'audio only', pattern: { video: false }, renditions: ['audio'] },
    { what: 'video only', pattern: { audio: false }, renditions: ['source', '240p'] },
  ])('A7.12 $what plays', async ({ pattern, renditions }) => {
    const gateway = await startGateway('--ladder', 'source,240p');
    const publisher = publishTestPattern(gateway.publishUrl('one'), { duration: 5, preset: 'ultrafast', ...pattern });
    const base = `${gateway.http}/hls/live/one`;
    const multivariant = await whenLive(base);
    expect(multivariant).not.toContain(renditions.includes('audio') ? 'RESOLUTION' : '#EXT-X-MEDIA:');
    const recorded = await recordStream(base, renditions);
    expect(await publisher.exit).toEqual({ code: 0, signal: null });
    expect(publisher.stderr()).toBe('');
    for (const rendition of recorded) {
      const init = [...rendition.inits.values()][0] ?? Buffer.alloc(0);
      const all = Buffer.concat([...rendition.segments.values()].map(({ bytes }) => bytes));
      expect(await decodeErrors(init, all)).toBe('');
      const facts = readSegment(init, all);
      expect(facts.decodeEnd - facts.decodeStart).toBeGreaterThan(4.5);
    }
    expect(gateway.errors()).toEqual([]);
  });
});
