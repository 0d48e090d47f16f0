// Every encoder and player that can be run, against a whole gateway: `npm run long -- matrix`.
// The newest release of each is also tested in the normal run: test/integration/peers, codecs and rtmp-viewers.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FlvReader } from '../../src/protocols/flv/flv-reader.js';
import { publishTestPattern, startGateway, type TestGateway } from '../support/gateway.js';
import { type RecordedRendition, recordRendition, whenLive } from '../support/hls-client.js';
import { decodeErrors, readSegment } from '../support/media-checks.js';
import { DEBIAN_FFMPEG, RTMPDUMP } from '../support/peers.js';
import { PlaylistChecker } from '../support/playlist-checker.js';
import { npmFfmpeg, startProgram } from '../support/processes.js';
import { startSecureGateway, withUser } from '../support/secure-gateway.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { type FfmpegRelease, ffmpegRelease } from './ffmpeg-releases.js';
import { type Codec, LATE_PUBLISHERS, PUBLISHERS } from './publishers.js';

const SECONDS = 12;
const PLAY_SECONDS = Number(process.env.PLAY_SECONDS ?? 60);
const RATE = 25;
const CODECS: Readonly<Record<Codec, RegExp>> = {
  avc: /^avc1\.[0-9a-f]{6}$/,
  hevc: /^hvc1\.1\.6\.L\d+\.[0-9A-F.]+$/,
  av1: /^av01\.0\.\d\dM\.08$/,
  vp9: /^vp09\.00\.\d\d\.08$/,
};

/** One line for each encoder and player, shown at the end. */
const rows: string[] = [];

/** Number of samples in all segments, and the errors of an FFmpeg that decodes them. */
async function contents({ inits, segments }: RecordedRendition): Promise<{ samples: number; errors: string }> {
  const [init = Buffer.alloc(0)] = inits.values();
  const media = [...segments.values()].map(({ bytes }) => bytes);
  return {
    samples: media.reduce((sum, segment) => sum + readSegment(init, segment).samples, 0),
    errors: await decodeErrors(init, Buffer.concat(media)),
  };
}

/** Timestamps of the frames of an FLV file, by kind. */
async function frameTimes(path: string): Promise<{ video: number[]; audio: number[] }> {
  const reader = new FlvReader();
  reader.push(await readFile(path));
  const times: Record<'video' | 'audio' | 'script', number[]> = { video: [], audio: [], script: [] };
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
    // Neither headers nor the end of sequence that FFmpeg writes into a file.
    if (tag.type === 'script' || tag.body[1] !== 1) continue;
    times[tag.type].push(tag.timestamp);
  }
  return times;
}

const largestStep = (times: readonly number[]): number =>
  Math.max(...times.slice(1).map((time, i) => time - (times[i] ?? 0)));
const count = (gateway: TestGateway, message: string): number =>
  gateway.logs.filter(({ msg }) => msg === message).length;

describe('matrix', () => {
  afterAll(() => void process.stderr.write(`\n${rows.join('\n')}\n`));

  it.each([...PUBLISHERS, ...LATE_PUBLISHERS].map((publisher) => [publisher.name, publisher] as const))(
    '%s publishes',
    { timeout: 90_000 },
    async (name, { codec, longestFrame = 1 / RATE, command }) => {
      const gateway = await startGateway('--ladder', 'source,240p');
      const { program, args } = await command(gateway.publishUrl('show'), {
        size: '640x360',
        rate: RATE,
        seconds: SECONDS,
      });
      const publisher = startProgram(program, args);
      const base = `${gateway.http}/hls/live/show`;
      const multivariant = await whenLive(base);
      const checker = new PlaylistChecker({ frame: longestFrame });
      const recorded = await Promise.all(
        ['source', '240p', 'audio'].map((rendition) =>
          recordRendition(base, rendition, {
            onPlaylist: (text) => void checker.add(rendition, text),
          }),
        ),
      );
      checker.checkAlignment();
      const { code } = await publisher.exit;
      const [source, rung, audio] = await Promise.all(recorded.map(contents));
      const codecs = [...multivariant.matchAll(/CODECS="([^",]+),([^"]+)"/g)].map(([, video, sound]) => [video, sound]);
      const loud = gateway.logs.filter(({ level }) => level >= 40).map(({ msg }) => msg);
      const figures = `${source?.samples} + ${rung?.samples} pictures, ${audio?.samples} of sound`;
      rows.push(
        `| ${name} | exit ${code}, ${publisher.stderr() === '' ? 'silent' : 'stderr'} | ${codecs[0]} | ${figures} |`,
      );

      expect([code, publisher.stderr(), loud]).toEqual([0, '', []]);
      expect(codecs).toEqual([
        [expect.stringMatching(CODECS[codec]), 'mp4a.40.2'],
        [expect.stringMatching(CODECS.avc), 'mp4a.40.2'],
      ]);
      expect([source?.errors, rung?.errors, audio?.errors]).toEqual(['', '', '']);
      // Both renditions have every picture that was sent, and all audio except the frames that an encoder holds back at its end.
      expect([source?.samples, rung?.samples]).toEqual([SECONDS * RATE, SECONDS * RATE]);
      expect(audio?.samples).toBeGreaterThanOrEqual(Math.floor((SECONDS * 44_100) / 1024) - 2);
      for (const { playlists } of recorded) expect(playlists.at(-1)).toContain('#EXT-X-ENDLIST');
    },
  );

  it.each<FfmpegRelease>(['4.1', '5.1', '6.1', '7.0'])(
    'FFmpeg %s publishes over RTMPS, with user and password, and is refused with a wrong one',
    async (release) => {
      const gateway = await startSecureGateway();
      const ffmpeg = await ffmpegRelease(release);
      const results: string[] = [];
      for (const [url, works] of [
        // If there are users, the key must be in the server URL, because FFmpeg is asked for credentials at connect.
        [`${gateway.rtmps}?key=${gateway.key}/tls`, true],
        [withUser(`${gateway.rtmp}/user`), true],
        [withUser(`${gateway.rtmps}/both`), true],
        [withUser(`${gateway.rtmp}/wrong`, 'guess'), false],
      ] as const) {
        const publisher = publishTestPattern(url, { ffmpeg, duration: 2 });
        const { code } = await publisher.exit;
        results.push(`${code}`);
        if (works) expect([code, publisher.stderr()]).toEqual([0, '']);
        else expect([code === 0, publisher.stderr()]).toEqual([false, expect.stringMatching(/Incorrect username/)]);
      }
      await expect.poll(() => count(gateway, 'publish ended')).toBe(3);
      rows.push(`| FFmpeg ${release} | RTMPS, user, user over RTMPS, wrong password | exits ${results.join(', ')} | |`);
    },
  );

  it(
    `players play ${PLAY_SECONDS} s without a gap`,
    async () => {
      const gateway = await startGateway('--ladder', 'source');
      const directory = await temporaryDirectory();
      // As a user streams a file: with the duration of the file in the metadata.
      const publisher = startProgram(await ffmpegRelease('7.0'), [
        ...['-hide_banner', '-nostdin', '-loglevel', 'error'],
        ...['-re', '-f', 'lavfi', '-i', `testsrc2=size=640x360:rate=${RATE}`],
        ...['-re', '-f', 'lavfi', '-i', 'sine=sample_rate=48000', '-t', `${PLAY_SECONDS + 2}`],
        ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', `${RATE}`, '-c:a', 'aac', '-ac', '2'],
        ...['-metadata', 'duration=9999', '-f', 'flv', gateway.publishUrl('show')],
      ]);
      await expect.poll(() => count(gateway, 'publish started'), { timeout: 10_000 }).toBe(1);
      const ffmpegPlay = (url: string, file: string): string[] => [
        ...['-hide_banner', '-nostdin', '-loglevel', 'error', '-i', url, '-c', 'copy', '-f', 'flv', file],
      ];
      const players = [
        ['rtmpdump 2.4', RTMPDUMP, (url: string, file: string) => ['-q', '--live', '-r', url, '-o', file]],
        ['FFmpeg 4.1', await ffmpegRelease('4.1'), ffmpegPlay],
        ['FFmpeg 5.1', DEBIAN_FFMPEG, ffmpegPlay],
        ['FFmpeg 7.0', npmFfmpeg(), ffmpegPlay],
      ] as const;
      const running = players.map(([name, program, argumentsFor], i) => {
        const file = join(directory, `${i}.flv`);
        return { name, file, ...startProgram(program, argumentsFor(`${gateway.rtmp}/show`, file)) };
      });
      expect((await publisher.exit).code).toBe(0);
      for (const { name, file, exit } of running) {
        const { code } = await exit;
        const { video, audio } = await frameTimes(file);
        const steps = [largestStep(video), largestStep(audio)];
        rows.push(
          `| ${name} playing | exit ${code} | ${video.length} pictures, ${audio.length} of sound | largest step ${steps} ms |`,
        );
        expect([name, code]).toEqual([name, 0]);
        expect([name, video.length >= PLAY_SECONDS * RATE]).toEqual([name, true]);
        expect(steps[0]).toBeLessThanOrEqual(41);
        expect(steps[1]).toBeLessThanOrEqual(50);
        // No frame is missing between the first and the last.
        const span = (video.at(-1) ?? 0) - (video[0] ?? 0);
        expect(video.length).toBe(Math.round((span * RATE) / 1000) + 1);
      }
    },
    (PLAY_SECONDS + 60) * 1000,
  );
});
