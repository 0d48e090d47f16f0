// Encoders with unusual messages. FFmpeg decodes nearly anything, so a real Chromium must play each of them.
import { expect, it, onTestFinished } from 'vitest';
import { parseAudioTag } from '../../src/protocols/flv/audio-tag.js';
import { FlvReader } from '../../src/protocols/flv/flv-reader.js';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { parseVideoTag } from '../../src/protocols/flv/video-tag.js';
import { type PublishedSource, publishLoop } from '../faults/looping-publisher.js';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { startGateway } from '../support/gateway.js';
import { whenLive } from '../support/hls-client.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';

const SECONDS = 4;
const NOTHING = Buffer.alloc(0);

async function record(layout: string, codec = 'aac'): Promise<PublishedSource> {
  const { stdout } = await runProgram(npmFfmpeg(), [
    ...['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-f', 'lavfi'],
    ...['-i', `aevalsrc=${['0.1*sin(2000*t)', '0.1*sin(3000*t)', '0', '0'].join('|')}:c=quad:s=48000`],
    ...['-t', `${SECONDS}`, '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25'],
    ...['-x264-params', 'slices=2:aud=1:repeat-headers=1', '-c:a', codec, '-af', `aformat=channel_layouts=${layout}`],
    ...(codec === 'aac' ? [] : ['-ar', '44100']),
    ...['-f', 'flv', 'pipe:1'],
  ]);
  const reader = new FlvReader();
  reader.push(stdout);
  const tags: FlvTag[] = [];
  for (let tag = reader.next(); tag !== undefined; tag = reader.next())
    tags.push({ ...tag, body: Buffer.from(tag.body) });
  const headerOf = (type: FlvTag['type']): Buffer => tags.find((tag) => tag.type === type)?.body ?? NOTHING;
  const [videoHeader, audioHeader] = [headerOf('video'), headerOf('audio')];
  const media = tags.filter(({ type, body }) => type !== 'script' && body !== videoHeader && body !== audioHeader);
  return { videoHeader, audioHeader, media };
}

function nalUnits(body: Buffer): Buffer[] {
  const { data } = parseVideoTag(body);
  const units: Buffer[] = [];
  for (let at = 0; at < data.length; at += 4 + data.readUInt32BE(at)) {
    units.push(data.subarray(at + 4, at + 4 + data.readUInt32BE(at)));
  }
  return units;
}

const withLength = (unit: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(unit.length);
  return Buffer.concat([length, unit]);
};

/** Other messages of the same type at the same time. */
function rewritten(source: PublishedSource, type: FlvTag['type'], rewrite: (body: Buffer) => Buffer[]): FlvTag[] {
  return source.media.flatMap((tag) =>
    tag.type === type ? rewrite(tag.body).map((body) => ({ ...tag, body })) : [tag],
  );
}

/** ISO/IEC 13818-7 6.2: LC, 48 kHz, two channels, no CRC. */
function adtsFrame(frame: Buffer): Buffer {
  const size = frame.length + 7;
  const head = Buffer.from([0xff, 0xf1, 0x4c, 0x80 | (size >> 11), (size >> 3) & 0xff, ((size & 7) << 5) | 0x1f, 0xfc]);
  return Buffer.concat([head, frame]);
}

/** What each encoder sends, and the beginning of the report about it. */
const SENDERS: Readonly<
  Record<string, (stereo: PublishedSource, quad: PublishedSource) => [PublishedSource, string[]]>
> = {
  'empty-units': (stereo) => [
    {
      ...stereo,
      media: rewritten(stereo, 'video', (body) => [
        Buffer.concat([body.subarray(0, 5), Buffer.alloc(4), ...nalUnits(body).map(withLength), Buffer.alloc(4)]),
      ]),
    },
    ['the pictures contain empty NAL units'],
  ],
  'unit-per-message': (stereo) => [
    {
      ...stereo,
      videoHeader: NOTHING,
      media: rewritten(stereo, 'video', (body) =>
        nalUnits(body).map((unit) => Buffer.concat([body.subarray(0, 5), withLength(unit)])),
      ),
    },
    ['pictures come in pieces', 'no video sequence header comes'],
  ],
  adts: (stereo) => [
    {
      ...stereo,
      audioHeader: NOTHING,
      media: rewritten(stereo, 'audio', (body) => [
        Buffer.concat([body.subarray(0, 2), adtsFrame(parseAudioTag(body).data)]),
      ]),
    },
    ['each AAC frame has an ADTS header', 'the AAC sequence header is missing'],
  ],
  'program-config': (_, quad) => [quad, ['the sound is encoded to AAC-LC']],
};

/** The result of every playback. */
interface Played {
  /** Bytes of sound that were decoded. */
  readonly sound: number;
  readonly fatal: readonly string[];
}

/**
 * Plays all streams side by side, each with a plain hls.js.
 * @param watch script with `video` and `failed`, which settles at a fatal error; returns its further observations
 */
async function playAll<Result extends Played>(
  http: string,
  names: readonly string[],
  watch: string,
): Promise<Record<string, Result>> {
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${http}/`);
  return page.evaluate(`(async () => {
    const { default: Hls } = await import('/assets/vendor/hls.mjs');
    const watch = async (video, failed) => { ${watch} };
    const play = async (name) => {
      const video = document.createElement('video');
      video.muted = true;
      document.body.append(video);
      const hls = new Hls();
      const fatal = [];
      const failed = new Promise((resolve) => hls.on(Hls.Events.ERROR, (_, data) => {
        if (!data.fatal) return;
        fatal.push(data.details);
        resolve();
      }));
      hls.loadSource('/hls/live/' + name + '/index.m3u8');
      hls.attachMedia(video);
      video.play();
      const seen = await watch(video, failed);
      const sound = video.webkitAudioDecodedByteCount;
      hls.destroy();
      return { ...seen, sound, fatal };
    };
    const names = ${JSON.stringify(names)};
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await play(name)])));
  })()`);
}

it('plays streams with empty NAL units, single NAL units, ADTS headers or program config elements in their messages', async () => {
  const [stereo, quad] = await Promise.all([record('stereo'), record('quad')]);
  const gateway = await startGateway('--ladder', 'source', '--segment-duration', '1');
  const told = new Map<string, string[]>();
  for (const [name, make] of Object.entries(SENDERS)) {
    const [source, sentences] = make(stereo, quad);
    told.set(name, sentences);
    await publishLoop(gateway.publishUrl(name), source, { seconds: SECONDS });
    followStream(`${gateway.http}/hls/live/${name}`);
  }
  await Promise.all([...told.keys()].map((name) => whenLive(`${gateway.http}/hls/live/${name}`)));
  const played = await playAll<Played & { readonly pictures: number }>(
    gateway.http,
    Object.keys(SENDERS),
    `let pictures = 0;
      const count = async () => {
        while (pictures < 60) {
          await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
          pictures += 1;
        }
      };
      await Promise.race([failed, count()]);
      return { pictures };`,
  );
  for (const [name, sentences] of told) {
    expect([name, played[name]?.fatal, played[name]?.pictures]).toEqual([name, [], 60]);
    expect(played[name]?.sound).toBeGreaterThan(0);
    const answer = await fetch(`${gateway.http}/api/v1/streams/live/${name}`);
    const { shortcomings } = (await answer.json()) as { shortcomings: string[] };
    expect(shortcomings.map((sentence, index) => sentence.slice(0, sentences[index]?.length ?? 0))).toEqual(sentences);
    // Reported only once in the log, too.
    const lines = gateway.logs.filter(({ stream, level }) => stream === name && level === 40);
    expect(lines.map(({ msg }) => sentences.filter((sentence) => msg.includes(sentence)).length)).toEqual(
      sentences.map(() => 1),
    );
  }
  expect(gateway.errors()).toEqual([]);
});

const ROUNDS = 7;
/** Seconds that each stream must play: longer than each pause, and longer than the 5 s after which a track counts as gone. */
const PLAYED = 11;

/** The recording several times, without the tags that are not sent. */
function repeated(source: PublishedSource, isSent: (tag: FlvTag) => boolean): PublishedSource {
  const media = Array.from({ length: ROUNDS }, (_, round) =>
    source.media.map((tag) => ({ ...tag, timestamp: tag.timestamp + round * SECONDS * 1_000 })),
  );
  return { ...source, media: media.flat().filter(isSent) };
}

const isKeyFrame = ({ body }: FlvTag): boolean => (body[0] ?? 0) >> 4 === 1;

it('plays on if audio ends or comes late, if video pauses, and if there is one picture per second', async () => {
  const [aac, mp3] = await Promise.all([record('stereo'), record('stereo', 'libmp3lame')]);
  const senders: Readonly<Record<string, PublishedSource>> = {
    'sound-stops': repeated(aac, ({ type, timestamp }) => type === 'video' || timestamp < 5_000),
    'encoded-sound-stops': repeated(mp3, ({ type, timestamp }) => type === 'video' || timestamp < 5_000),
    'sound-comes-late': repeated(aac, ({ type, timestamp }) => type === 'video' || timestamp > 6_000),
    'pictures-pause': repeated(
      aac,
      ({ type, timestamp }) => type === 'audio' || timestamp < 5_000 || timestamp > 9_000,
    ),
    'one-fps': repeated(aac, (tag) => tag.type === 'audio' || isKeyFrame(tag)),
  };
  const gateway = await startGateway('--ladder', 'source', '--segment-duration', '1');
  const seconds = ROUNDS * SECONDS;
  await Promise.all(
    Object.entries(senders).map(([name, source]) => publishLoop(gateway.publishUrl(name), source, { seconds })),
  );
  await Promise.all(Object.keys(senders).map((name) => whenLive(`${gateway.http}/hls/live/${name}`)));
  const played = await playAll<Played & { readonly seconds: number }>(
    gateway.http,
    Object.keys(senders),
    `await Promise.race([failed, new Promise((resolve) => video.addEventListener('playing', resolve, { once: true }))]);
      const start = video.currentTime;
      const played = new Promise((resolve) => video.addEventListener('timeupdate', () => {
        if (video.currentTime - start >= ${PLAYED}) resolve();
      }));
      await Promise.race([failed, played]);
      return { seconds: video.currentTime - start };`,
  );
  for (const name of Object.keys(senders)) {
    expect([name, played[name]?.fatal]).toEqual([name, []]);
    expect(played[name]?.seconds).toBeGreaterThanOrEqual(PLAYED);
    expect(played[name]?.sound).toBeGreaterThan(0);
    const playlist = await (await fetch(`${gateway.http}/hls/live/${name}/source/index.m3u8`)).text();
    expect([name, playlist.includes('#EXT-X-DISCONTINUITY\n')]).toEqual([name, false]);
  }
  expect(gateway.errors()).toEqual([]);
});
