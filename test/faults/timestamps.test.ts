// Faulty encoder clocks, as a table of sent timestamps and the segments that players get. Tested through RTMP, the gateway and HTTP, and read from
// the media.
import { expect, it } from 'vitest';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { eventually, fetchBytes, fetchText, whenLive } from '../support/hls-client.js';
import { readSegment } from '../support/media-checks.js';
import { PlaylistChecker } from '../support/playlist-checker.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';
import { connectPublisher, sendHeaders } from './looping-publisher.js';

/** Seconds of media, a key frame in each. */
const SECONDS = 6;
/** Pictures per second. */
const RATE = 25;

interface Sent {
  readonly tag: FlvTag;
  /** Milliseconds since the first frame. */
  readonly time: number;
  readonly wire: number;
}

async function publishAll(gateway: TestGateway, name: string, source: FlvSource, tags: readonly Sent[]) {
  const publisher = await connectPublisher(gateway.publishUrl(name));
  sendHeaders(publisher, source);
  for (const { tag, wire } of tags) {
    // As it is on the wire: modulo 2^32.
    if (!publisher.send(tag.type, wire >>> 0, tag.body)) await publisher.drained();
  }
  await publisher.close();
}

/** In seconds; `from` and `to` are decode times of the media, `date` is EXT-X-PROGRAM-DATE-TIME. */
interface Got {
  readonly discontinuity: boolean;
  readonly gap: boolean;
  readonly duration: number;
  readonly from: number;
  readonly to: number;
  readonly date: number;
  readonly samples: number;
}

async function readBack(gateway: TestGateway, name: string, rendition: string): Promise<Got[]> {
  const base = `${gateway.http}/hls/live/${name}`;
  await whenLive(base);
  const text = await eventually(async () => {
    const playlist = await fetchText(`${base}/${rendition}/index.m3u8`);
    return playlist.includes('#EXT-X-ENDLIST') ? playlist : undefined;
  });
  const { segments, targetDuration } = new PlaylistChecker({ frame: 1 / RATE }).add(rendition, text);
  return Promise.all(
    segments.map(async ({ uri, map = '', duration, discontinuity, gap, programDateTime = 0 }) => {
      expect(Math.round(duration)).toBeLessThanOrEqual(targetDuration);
      const [init, bytes] = await Promise.all([map, uri].map((file) => fetchBytes(`${base}/${rendition}/${file}`)));
      const facts = readSegment(init ?? Buffer.alloc(0), bytes ?? Buffer.alloc(0));
      const date = programDateTime / 1000;
      const { decodeStart: from, decodeEnd: to, samples } = facts;
      return { discontinuity, gap, duration, from, to, date, samples };
    }),
  );
}

type Wire = (time: number, kind: FlvTag['type'], index: number) => number;

interface Case {
  readonly name: string;
  readonly wire: Wire;
  /** Milliseconds by which sound is sent later than the pictures of its time. */
  readonly audioSentLate?: number;
  /** EXTINF of the pictures, rounded to a frame; negative if a discontinuity begins there. */
  readonly expected: readonly number[];
}

const straight =
  (from: number): Wire =>
  (time) =>
    from + time;
/** Pseudo-random values from -1 to 1, the same in every run. */
const shaken = (index: number): number => (((index * 7919) % 601) - 300) / 300;

const cases: readonly Case[] = [
  { name: 'A2.17 passes 2^24 ms', wire: straight(2 ** 24 - 3_010), expected: [2, 2, 2] },
  { name: 'A2.18 passes 2^31 ms', wire: straight(2 ** 31 - 3_010), expected: [2, 2, 2] },
  {
    name: 'A2.18 passes 2^31 ms of an encoder that masks to 31 bits',
    wire: (time) => (2 ** 31 - 3_010 + time) % 2 ** 31,
    expected: [2, 2, 2],
  },
  { name: 'A2.18 passes 2^32 ms', wire: straight(2 ** 32 - 3_010), expected: [2, 2, 2] },
  {
    name: 'A2.19 recognizes a step back that looks like 49 days ahead',
    wire: (time, kind, index) => time - (kind === 'video' && index === 60 ? 50 : 0),
    expected: [2, 2, 2],
  },
  {
    name: 'A7.13 jumps ahead by 5 hours',
    wire: (time) => time + (time < 3_000 ? 0 : 18_000_000),
    // The jump is accepted at the third frame, so it shows at the next key frame.
    expected: [2, 2, -2],
  },
  {
    name: 'A7.13 jumps ahead by 5 hours and back again',
    wire: (time) => time + (time < 2_000 || time >= 4_000 ? 0 : 18_000_000),
    expected: [2, 1, -2, -1],
  },
  {
    name: 'A7.13 begins at 0 again',
    wire: (time) => (time < 3_000 ? 7_000_000 + time : time - 3_000),
    // The jump is accepted at the third frame, so it shows at the next key frame.
    expected: [2, 2, -2],
  },
  {
    name: 'A7.13 is shaken by 300 ms either way',
    wire: (time, _kind, index) => 10_000 + time + Math.round(300 * shaken(index)),
    expected: [1.32, 1.16, 1.88, 1.96],
  },
  {
    name: 'A7.13 sends sound 0.8 s after the pictures that it belongs to',
    wire: straight(5_000),
    audioSentLate: 800,
    expected: [2, 2, 2],
  },
];

it('A2.17 A2.18 A2.19 A7.13 clocks of publishers, from RTMP to the segments', async () => {
  const gateway = await startGateway('--ladder', 'source', '--max-media-ahead', '3600');
  const outcomes = await publishCases(gateway, await makeFlvSource({ seconds: SECONDS, gop: 25 }));
  for (const [index, { name, expected }] of cases.entries()) {
    const { video = [], audio = [], frames } = outcomes[index] ?? {};
    const round = (seconds: number) => Math.round(seconds * RATE) / RATE;
    expect(
      video.map(({ duration, discontinuity }) => (discontinuity ? -1 : 1) * round(duration)),
      name,
    ).toEqual(expected);
    // Both tracks agree, and neither has lost anything.
    expect(
      audio.map(({ discontinuity }) => discontinuity),
      name,
    ).toEqual(video.map(({ discontinuity }) => discontinuity));
    for (const segments of [video, audio]) checkTimes(name, segments);
    const total = (segments: readonly Got[]) => segments.reduce((sum, { samples }) => sum + samples, 0);
    expect({ video: total(video), audio: total(audio) }, name).toEqual(frames);
  }
});

/** Times never go back, there is no gap, and dates agree with the durations. */
function checkTimes(name: string, segments: readonly Got[]): void {
  expect(segments.some(({ gap }) => gap)).toBe(false);
  for (const [index, { from, date, discontinuity }] of segments.entries()) {
    const before = segments[index - 1];
    if (before === undefined) continue;
    // Where a period begins, sound may begin within the last frame of the previous one.
    expect(Math.abs(from - before.to), name).toBeLessThan(discontinuity ? 0.022 : 0.001);
    expect(Math.abs(date - before.date - before.duration), name).toBeLessThan(0.025);
  }
}

/** One gateway and all publishers at once, because each waits until its own tracks are known. */
async function publishCases(gateway: TestGateway, source: FlvSource) {
  const first = source.media[0]?.timestamp ?? 0;
  const outcomes = cases.map(async ({ wire, audioSentLate = 0 }, index) => {
    const counts = { video: 0, audio: 0, script: 0 };
    const tags = source.media.map((tag): Sent => {
      const time = tag.timestamp - first;
      counts[tag.type] += 1;
      return { tag, time, wire: wire(time, tag.type, counts[tag.type]) };
    });
    const due = ({ tag, time }: Sent) => time + (tag.type === 'audio' ? audioSentLate : 0);
    const inOrder = tags.map((sent, at) => ({ sent, at })).sort((a, b) => due(a.sent) - due(b.sent) || a.at - b.at);
    const name = `case${index}`;
    await publishAll(
      gateway,
      name,
      source,
      inOrder.map(({ sent }) => sent),
    );
    const [video, audio] = await Promise.all(
      ['source', 'audio'].map((rendition) => readBack(gateway, name, rendition)),
    );
    return { video: video ?? [], audio: audio ?? [], frames: { video: counts.video, audio: counts.audio } };
  });
  return Promise.all(outcomes);
}
