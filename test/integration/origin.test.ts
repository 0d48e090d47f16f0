// The origin as players, caches and hostile clients see it: a real gateway, real encoders, real HTTP.
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createFile, MP4BoxBuffer } from 'mp4box';
import { expect, it } from 'vitest';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { eventually, fetchBytes, fetchText, recordStream, whenListed, whenLive } from '../support/hls-client.js';
import { readSegment } from '../support/media-checks.js';
import { TEST_TIMEOUT } from '../support/patience.js';
import { type ParsedPlaylist, PlaylistChecker, parsePlaylist } from '../support/playlist-checker.js';

const FRAME = 1 / 25;
const NAMES = ['source', '144p', 'audio'] as const;
const SHORT = ['--segment-duration', '1', '--part-duration', '0.2'];
const PATTERN = { size: '320x180', preset: 'ultrafast', gop: 25 } as const;
/** Duration for the rules about ten minutes of media. */
const SECONDS = Number(process.env.ORIGIN_SECONDS ?? 10);

const statusOf = async (url: string): Promise<number> => {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
};

const listedUris = ({ segments, openParts }: ParsedPlaylist): string[] => [
  ...segments.flatMap(({ uri, gap, map = '', parts }) => [
    ...(gap ? [] : [uri]),
    map,
    ...parts.filter((part) => !part.gap).map((part) => part.uri),
  ]),
  ...openParts.map(({ uri }) => uri),
];

it('B1.01-B1.18 B2.03 B2.04 B3.01-B3.03 B3.14 B3.15 hold for everything that viewers get', {
  timeout: TEST_TIMEOUT + SECONDS * 1_500,
}, async () => {
  const gateway = await startGateway('--ladder', 'source,144p', ...SHORT);
  const base = `${gateway.http}/hls/live/rules`;
  // B4.03: a name that is requested too early is not remembered as missing.
  const early = await fetch(`${base}/index.m3u8`);
  expect([early.status, early.headers.get('cache-control')]).toEqual([404, 'no-store']);
  const publisher = publishTestPattern(gateway.publishUrl('rules'), { ...PATTERN, duration: SECONDS });
  await whenLive(base);
  const checker = new PlaylistChecker({ frame: FRAME });
  const recorded = await recordStream(base, NAMES, { checker });
  expect((await publisher.exit).code).toBe(0);
  const multivariant = await fetchText(`${base}/index.m3u8`);

  const bitsOf = new Map<number, number>();
  for (const { name, segments, inits } of recorded) {
    const listed = [...checker.segments(name).values()];
    expect(checker.versions(name)).toBeGreaterThan(SECONDS * 3);
    // B1.18: the listed durations equal the durations of the media.
    const said = listed.reduce((sum, { duration }) => sum + duration, 0);
    const media = [...segments.values()].map(({ map, bytes }) => readSegment(inits.get(map ?? '') ?? bytes, bytes));
    const lasts = (media.at(-1)?.decodeEnd ?? 0) - (media[0]?.decodeStart ?? 0);
    expect(Math.abs(said - lasts), `B1.18 ${name}`).toBeLessThan(FRAME);
    for (const [msn, { bytes }] of segments) {
      if (name !== '144p') bitsOf.set(msn, (bitsOf.get(msn) ?? 0) + bytes.length * 8);
    }
  }
  // B2.03, for the first variant with its audio.
  const [average, peak] = ['AVERAGE-BANDWIDTH', '[:,]BANDWIDTH'].map((key) =>
    Number(new RegExp(`${key}=(\\d+)`).exec(multivariant)?.[1]),
  );
  const durations = checker.segments('source');
  const whole = [...bitsOf].filter(([msn]) => (durations.get(msn)?.duration ?? 0) > 0.5);
  for (const [msn, bits] of whole) {
    expect(bits / (durations.get(msn)?.duration ?? 1), `B2.03 ${msn}`).toBeLessThanOrEqual(1.25 * (peak ?? 0));
  }
  const total = whole.reduce((sum, [msn]) => sum + (durations.get(msn)?.duration ?? 0), 0);
  const mean = whole.reduce((sum, [, bits]) => sum + bits, 0) / total;
  expect(mean, 'B2.03 mean').toBeLessThanOrEqual(1.1 * (average ?? 0));

  // B1.10: the end is final, and everything that the last playlist lists stays available.
  const last = recorded[0]?.playlists.at(-1) ?? '';
  expect(last).toContain('#EXT-X-ENDLIST');
  // There is no event to await for "no change". Waits longer than a segment, because a live playlist would change within that time.
  await delay(1_500);
  expect(await fetchText(`${base}/source/index.m3u8`)).toBe(last);
  for (const uri of listedUris(parsePlaylist(last))) expect(await statusOf(`${base}/source/${uri}`), uri).toBe(200);
  expect(gateway.errors()).toEqual([]);
});

it('B1.08 B1.09 B3.02 B3.12 B3.13 listed and hinted files exist, and stay available as long as they must', async () => {
  // The shortest possible window: the first segment must leave the playlist, and then its retention time must pass.
  const gateway = await startGateway('--ladder', 'source,144p', ...SHORT, '--window-segments', '6');
  const base = `${gateway.http}/hls/live/files`;
  const publisher = publishTestPattern(gateway.publishUrl('files'), PATTERN);
  await whenListed(base, 'source', 2);
  const known = new Map<string, Buffer>();
  const fetchListed = async (playlist: ParsedPlaylist): Promise<void> => {
    await Promise.all(
      listedUris(playlist).map(async (uri) => {
        if (known.has(uri)) return;
        known.set(uri, Buffer.alloc(0));
        // B1.09: at the very moment when it is listed.
        known.set(uri, await fetchBytes(`${base}/source/${uri}`));
      }),
    );
  };
  let playlist = parsePlaylist(await fetchText(`${base}/source/index.m3u8`));
  const firstListed = playlist.segments[0];
  let longest = 0;
  /** Time of the request before the list changed. The gateway counts the retention time from a later moment. */
  let asked = performance.now();
  while (playlist.mediaSequence <= (firstListed?.mediaSequence ?? 0)) {
    asked = performance.now();
    const hint = playlist.preloadHint ?? '';
    const hinted = fetchBytes(`${base}/source/${hint}`);
    const other = parsePlaylist(await fetchText(`${base}/144p/index.m3u8`));
    const next = playlist.mediaSequence + playlist.segments.length;
    const text = await fetchText(`${base}/source/index.m3u8?_HLS_msn=${next}&_HLS_part=${playlist.openParts.length}`);
    playlist = parsePlaylist(text);
    await fetchListed(playlist);
    // B3.12: the answer is the part that is listed under that name afterwards.
    expect(known.get(hint)?.equals(await hinted), `B3.12 ${hint}`).toBe(true);
    // B3.13: one report for each other playlist, and none is older than that playlist was before.
    expect(playlist.reports.map((report) => report.get('URI'))).toEqual([
      ...['../144p/index.m3u8', '../audio/index.m3u8'],
      ...['../source/iframes.m3u8', '../144p/iframes.m3u8'],
    ]);
    const [report] = playlist.reports;
    const reported = Number(report?.get('LAST-MSN')) * 100 + Number(report?.get('LAST-PART'));
    const had = (other.mediaSequence + other.segments.length) * 100 + other.openParts.length - 1;
    expect(reported, `B3.13 after ${other.mediaSequence}`).toBeGreaterThanOrEqual(had - 100 * Number(had % 100 === 99));
    for (const { uri, parts, mediaSequence } of playlist.segments) {
      const whole = known.get(uri);
      if (parts.length === 0 || whole === undefined) continue;
      const pieces = parts.map((part) => known.get(part.uri) ?? Buffer.alloc(0));
      expect(Buffer.concat(pieces).equals(whole), `B3.02 ${mediaSequence}`).toBe(true);
    }
    longest = Math.max(
      longest,
      playlist.segments.reduce((sum, { duration }) => sum + duration, 0),
    );
  }
  // B1.08: removed from the playlist, but still available.
  const removed = `${base}/source/${firstListed?.uri}`;
  const until = asked + ((firstListed?.duration ?? 0) + longest) * 1000;
  const part = `${base}/source/${playlist.segments.at(-1)?.parts[0]?.uri}`;
  /** Statuses of answers that came in time. Late ones are ignored, because they prove nothing. */
  const inTime: number[] = [];
  while (performance.now() < until) {
    const [ofSegment, ofPart] = [await statusOf(removed), await statusOf(part)];
    if (performance.now() < asked + 3_000) inTime.push(ofPart);
    if (performance.now() < until) inTime.push(ofSegment);
    // It stays for its time and then disappears: requested again and again.
    await delay(200);
  }
  expect(new Set(inTime)).toEqual(new Set([200]));
  await eventually(async () => ((await statusOf(removed)) === 404 ? true : undefined));

  // B3.12: a part that was not hinted at is not waited for; one that is hinted at when the stream ends soon gives 404.
  const ahead = parsePlaylist(await fetchText(`${base}/source/index.m3u8`));
  const beyond = ahead.mediaSequence + ahead.segments.length + 3;
  expect(await statusOf(`${base}/source/part-${beyond}.0.m4s`)).toBe(404);
  const waiting = recordStream(base, NAMES);
  publisher.child.kill('SIGKILL');
  const [ended] = await waiting;
  expect(ended?.playlists.at(-1)).not.toContain('PRELOAD-HINT');
  const { mediaSequence, segments } = parsePlaylist(ended?.playlists.at(-1) ?? '');
  expect(await statusOf(`${base}/source/part-${mediaSequence + segments.length}.0.m4s`)).toBe(404);
});

it('B1.06 ten thousand reads while the playlist changes: each gets a whole version, B4.05 B4.12 with its length', async () => {
  const gateway = await startGateway('--ladder', 'source', ...SHORT);
  const base = `${gateway.http}/hls/live/torn`;
  publishTestPattern(gateway.publishUrl('torn'), PATTERN);
  await whenListed(base, 'source', 2);
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const read = () =>
    new Promise<string>((resolve, reject) => {
      get(`${base}/source/index.m3u8`, { agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const body = Buffer.concat(chunks);
          if (Number(response.headers['content-length']) === body.length) resolve(body.toString());
          else reject(new Error(`${body.length} bytes of ${response.headers['content-length']}`));
        });
      }).on('error', reject);
    });
  const versions = new Set<string>();
  const reader = async (reads: number): Promise<void> => {
    for (let i = 0; i < reads; i += 1) versions.add(await read());
  };
  await Promise.all(Array.from({ length: 8 }, () => reader(1_250)));
  agent.destroy();
  const checker = new PlaylistChecker({ frame: FRAME });
  const byAge = [...versions].map((text) => ({ text, parsed: parsePlaylist(text) }));
  const age = ({ mediaSequence, segments, openParts }: ParsedPlaylist) =>
    (mediaSequence + segments.length) * 1000 + openParts.length;
  byAge.sort((a, b) => age(a.parsed) - age(b.parsed));
  for (const { text } of byAge) checker.add('source', text);
  expect(versions.size).toBeGreaterThan(1);
});

it('B2.01 B2.02 B2.05 B2.06 B2.08 the multivariant playlist agrees with what an independent reader finds in the media', async () => {
  const gateway = await startGateway('--ladder', 'source,720p,144p', ...SHORT);
  publishTestPattern(gateway.publishUrl('promises'), PATTERN);
  const base = `${gateway.http}/hls/live/promises`;
  const multivariant = await whenLive(base);
  const variants = [...multivariant.matchAll(/^#EXT-X-STREAM-INF:(.*)\n(.*)$/gm)].map(([, info = '', uri = '']) => ({
    info,
    uri,
  }));
  // Not larger than the source, in the order of the ladder.
  expect(variants.map(({ uri }) => uri)).toEqual(['source/index.m3u8', '144p/index.m3u8']);
  const initOf = async (rendition: string) => {
    const { segments } = parsePlaylist(await fetchText(`${base}/${rendition}/index.m3u8`));
    const bytes = await fetchBytes(`${base}/${rendition}/${segments[0]?.map}`);
    const file = createFile();
    const buffer = MP4BoxBuffer.fromArrayBuffer(new Uint8Array(bytes).buffer, 0);
    const info = new Promise<ReturnType<typeof file.getInfo>>((resolve) => {
      file.onReady = resolve;
    });
    file.appendBuffer(buffer, true);
    file.flush();
    const [track] = (await info).tracks;
    if (track === undefined) throw new Error(`no track in the init segment of ${rendition}`);
    return track;
  };
  const audio = await initOf('audio');
  for (const { info, uri } of variants) {
    const track = await initOf(uri.split('/')[0] ?? '');
    expect(/CODECS="([^"]+)"/.exec(info)?.[1]?.toLowerCase()).toBe(`${track.codec},${audio.codec}`.toLowerCase());
    expect(/RESOLUTION=(\d+x\d+)/.exec(info)?.[1]).toBe(`${track.video?.width}x${track.video?.height}`);
    expect(info).toMatch(/FRAME-RATE=25\.000/);
    expect(Number(/AVERAGE-BANDWIDTH=(\d+)/.exec(info)?.[1])).toBeLessThanOrEqual(
      Number(/(?:^|,)BANDWIDTH=(\d+)/.exec(info)?.[1]),
    );
  }
  for (const [, uri = ''] of multivariant.matchAll(/URI="([^"]+)"/g)) expect(uri).not.toMatch(/^\/|:|key/);
  expect(multivariant).not.toContain(gateway.key);
});

it('B4.13 C4.02 after a restart playlists continue at higher numbers with a discontinuity, and old segments are gone', async () => {
  const first = await startGateway('--ladder', 'source', ...SHORT);
  const publisher = publishTestPattern(first.publishUrl('again'), PATTERN);
  await whenListed(`${first.http}/hls/live/again`, 'source', 3);
  const before = parsePlaylist(await fetchText(`${first.http}/hls/live/again/source/index.m3u8`));
  await first.close();
  await publisher.exit;
  const second = await startGateway('--ladder', 'source', ...SHORT, '--media-dir', first.mediaDir);
  publishTestPattern(second.publishUrl('again'), PATTERN);
  const base = `${second.http}/hls/live/again`;
  await whenLive(base);
  const after = parsePlaylist(await fetchText(`${base}/source/index.m3u8`));
  expect(after.mediaSequence).toBeGreaterThanOrEqual(before.mediaSequence + before.segments.length);
  expect(after.segments[0]?.discontinuity).toBe(true);
  expect(after.segments[0]?.discontinuityNumber).toBeGreaterThan(before.segments.at(-1)?.discontinuityNumber ?? 0);
  expect(after.targetDuration).toBe(before.targetDuration);
  expect(await statusOf(`${base}/source/${before.segments[0]?.uri}`)).toBe(404);
});
