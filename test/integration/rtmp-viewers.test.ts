// Players and encoders of other projects at the RTMP ports: how they publish, with and without TLS, and what players receive.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FlvReader } from '../../src/protocols/flv/flv-reader.js';
import { publishTestPattern, startGateway, TEST_KEY, type TestGateway } from '../support/gateway.js';
import { absentPeer, DEBIAN_FFMPEG, RTMPDUMP } from '../support/peers.js';
import { npmFfmpeg, startProgram } from '../support/processes.js';
import { controlResumeWindows } from '../support/resume-window.js';
import { PASSWORD, startSecureGateway, withUser } from '../support/secure-gateway.js';
import { temporaryDirectory } from '../support/temp-dir.js';

/** A short publish, long enough to be accepted. */
const MOMENT = { duration: 1, size: '320x180', preset: 'ultrafast' };

const messages = (gateway: TestGateway, message: string) => gateway.logs.filter(({ msg }) => msg === message);

/** Timestamps of the tags of an FLV file, by kind. */
async function timestamps(path: string): Promise<{ video: number[]; audio: number[]; first: string[] }> {
  const reader = new FlvReader();
  reader.push(await readFile(path));
  const times: Record<'video' | 'audio' | 'script', number[]> = { video: [], audio: [], script: [] };
  const first: string[] = [];
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
    times[tag.type].push(tag.timestamp);
    if (first.length < 3) first.push(tag.type);
  }
  return { ...times, first };
}

function largestStep(times: readonly number[]): number {
  return Math.max(...times.slice(1).map((time, i) => time - (times[i] ?? 0)));
}

describe.each([
  ['FFmpeg 7.0', npmFfmpeg()],
  ['Debian FFmpeg', DEBIAN_FFMPEG],
])('%s', (_, ffmpeg) => {
  describe.skipIf(absentPeer(ffmpeg))('as an encoder', () => {
    it('A4.16 C3.13 answers the challenge with rtmp://user:pass@host, plain and over RTMPS, and is refused with a wrong password', async () => {
      const gateway = await startSecureGateway();
      for (const [name, base] of [
        ['plain', gateway.rtmp],
        ['secure', gateway.rtmps],
      ] as const) {
        const right = publishTestPattern(withUser(`${base}/${name}`), { ffmpeg, ...MOMENT });
        expect([(await right.exit).code, right.stderr()]).toEqual([0, '']);
      }
      const wrong = publishTestPattern(withUser(`${gateway.rtmp}/wrong`, 'guess'), { ffmpeg, ...MOMENT });
      expect((await wrong.exit).code).not.toBe(0);
      expect(wrong.stderr()).toContain('Incorrect username/password');

      await expect.poll(() => messages(gateway, 'publish ended')).toHaveLength(2);
      expect(messages(gateway, 'publish started').map(({ stream }) => stream)).toEqual(['plain', 'secure']);
      expect(messages(gateway, 'rtmp connection refused: wrong user or password')).toHaveLength(1);
      const log = JSON.stringify(gateway.logs);
      for (const secret of [PASSWORD, 'guess', 'salt=', 'response=', TEST_KEY]) expect(log).not.toContain(secret);
    });

    it('publishes with the key in the server URL, and with user and password in the query', async () => {
      const gateway = await startSecureGateway();
      for (const query of [`key=${TEST_KEY}`, `user=anna&pass=${PASSWORD}`]) {
        const publisher = publishTestPattern(`${gateway.rtmps}?${query}/show`, { ffmpeg, ...MOMENT });
        expect([(await publisher.exit).code, publisher.stderr()]).toEqual([0, '']);
      }
      await expect.poll(() => messages(gateway, 'publish ended')).toHaveLength(2);
      expect(JSON.stringify(gateway.logs)).not.toContain(PASSWORD);
    });
  });
});

describe('players', () => {
  const players: [string, string, (url: string, file: string) => string[]][] = [
    ['FFmpeg 7.0', npmFfmpeg(), ffmpegPlay],
    ['Debian FFmpeg', DEBIAN_FFMPEG, ffmpegPlay],
    ['rtmpdump', RTMPDUMP, (url, file) => ['-q', '--live', '-r', url, '-o', file]],
  ];

  it.skipIf(players.some(([, program]) => absentPeer(program)))(
    'A4.20 FFmpeg and rtmpdump play what is published without a gap, from 0, to its end',
    async () => {
      const gateway = await startGateway('--ladder', 'source');
      const directory = await temporaryDirectory();
      const publisher = publishTestPattern(gateway.publishUrl('show'), {
        bFrames: 0,
        size: '320x180',
        preset: 'ultrafast',
        stoppable: true,
      });
      await expect.poll(() => messages(gateway, 'publish started')).toHaveLength(1);
      const running = players.map(([, program, argumentsFor], i) => {
        const file = join(directory, `${i}.flv`);
        return { file, ...startProgram(program, argumentsFor(`${gateway.rtmp}/show`, file)) };
      });
      const received = async (file: string): Promise<number> =>
        timestamps(file).then(
          ({ video }) => video.length,
          () => 0,
        );
      for (const { file } of running) await expect.poll(() => received(file)).toBeGreaterThan(75);
      publisher.child.stdin?.end('q');
      expect((await publisher.exit).code).toBe(0);
      for (const { file, exit } of running) {
        expect((await exit).signal).toBeNull();
        const { video, audio, first } = await timestamps(file);
        expect(first[0]).toBe('script');
        // Headers come first, also with time 0.
        expect([video[0], audio[0]]).toEqual([0, expect.any(Number)]);
        expect(video.length).toBeGreaterThan(75);
        expect(largestStep(video)).toBeLessThanOrEqual(41);
        expect(largestStep(audio)).toBeLessThanOrEqual(50);
      }
      expect(messages(gateway, 'play started')).toHaveLength(players.length);
      await expect.poll(() => messages(gateway, 'play ended')).toHaveLength(players.length);
      expect(gateway.errors()).toEqual([]);
    },
  );

  it('keep waiting while the publisher is away, as HLS players do, and end if it does not return', async () => {
    const resumeWindows = controlResumeWindows();
    const gateway = await startGateway('--ladder', 'source', '--resume-window', '300');
    const directory = await temporaryDirectory();
    const pattern = { bFrames: 0, size: '320x180', preset: 'ultrafast', gop: 25 };
    const first = publishTestPattern(gateway.publishUrl('show'), pattern);
    await expect.poll(() => messages(gateway, 'stream started')).toHaveLength(1);
    const [early, late] = ['early.flv', 'late.flv'].map((name) => join(directory, name)) as [string, string];
    const waiting = startProgram(npmFfmpeg(), ffmpegPlay(`${gateway.rtmp}/show`, early));
    await expect.poll(() => messages(gateway, 'play started')).toHaveLength(1);
    first.child.kill('SIGKILL');
    await expect.poll(() => messages(gateway, 'publisher gone, waiting for it to return')).toHaveLength(1);
    // A player that comes in the meantime waits too.
    const newcomer = startProgram(npmFfmpeg(), ffmpegPlay(`${gateway.rtmp}/show`, late));
    await expect.poll(() => messages(gateway, 'play started')).toHaveLength(2);

    resumeWindows.close('show');
    const second = publishTestPattern(gateway.publishUrl('show'), { ...pattern, duration: 3 });
    expect((await second.exit).code).toBe(0);
    for (const { exit, stderr } of [waiting, newcomer]) {
      expect((await exit).code).toBe(0);
      expect(stderr()).toBe('');
    }
    expect((await timestamps(late)).video.length).toBeGreaterThanOrEqual(70);
    // 75 pictures of the second publisher, and some of the first, on one clock.
    const { video } = await timestamps(early);
    expect(video.length).toBeGreaterThan(75);
    expect(video).toEqual([...video].sort((a, b) => a - b));
    expect(messages(gateway, 'play ended')).toHaveLength(2);
  });

  it.skipIf(absentPeer(RTMPDUMP))(
    'A4.20 rtmpdump learns at once that nobody publishes, and that playing is off',
    async () => {
      for (const flags of [[], ['--rtmp-play', 'off']]) {
        const gateway = await startGateway(...flags);
        const player = startProgram(RTMPDUMP, ['--live', '-r', `${gateway.rtmp}/nobody`, '-o', '/dev/null']);
        expect((await player.exit).signal).toBeNull();
        expect(messages(gateway, 'play refused')).toMatchObject([
          { code: flags.length === 0 ? 'rtmp-server.stream-not-found' : 'rtmp-server.play-off' },
        ]);
      }
    },
  );
});

function ffmpegPlay(url: string, file: string): string[] {
  return ['-hide_banner', '-nostdin', '-loglevel', 'error', '-i', url, '-c', 'copy', '-f', 'flv', file];
}
