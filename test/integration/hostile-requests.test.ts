// Invalid and hostile requests to a live origin: each gets its status at once, and leaves nothing behind.
import { readdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { eventually, fetchText, whenListed } from '../support/hls-client.js';
import { TEST_TIMEOUT } from '../support/patience.js';
import { parsePlaylist } from '../support/playlist-checker.js';

/** Set ABORTED_WAITS=100000 for more certainty. */
const ABORTED_WAITS = Number(process.env.ABORTED_WAITS ?? 2_000);
const SHORT = ['--ladder', 'source', '--segment-duration', '1', '--part-duration', '0.2'];

/** The status of a request whose target is sent exactly as written; 0 if the connection ended without an answer. */
function raw(base: string, target: string, headers: readonly string[] = []): Promise<number> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write([`GET ${target} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', ''].join('\r\n'));
    });
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      if (text.length < 1_000) text += chunk.toString('latin1');
    });
    // A client that is still sending when the answer comes may be reset, before or after it has read the answer.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET') reject(error);
    });
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0)));
  });
}

it('B3.04 B3.05 B3.06 B3.09 B4.07 B4.10 C3.03 unusual requests get the right status at once', async () => {
  const gateway = await startGateway(...SHORT);
  publishTestPattern(gateway.publishUrl('target'), { size: '320x180', preset: 'ultrafast', gop: 25 });
  const stream = '/hls/live/target';
  followStream(`${gateway.http}${stream}`);
  await whenListed(`${gateway.http}${stream}`, 'source', 3);
  const status = (target: string, headers: readonly string[] = []) => raw(gateway.http, target, headers);
  const { mediaSequence, segments } = parsePlaylist(await fetchText(`${gateway.http}${stream}/source/index.m3u8`));
  const next = mediaSequence + segments.length;
  const playlist = `${stream}/source/index.m3u8`;
  const media = `${stream}/source/${segments.at(-1)?.uri}`;

  const wrong = [
    '_HLS_part=0',
    '_HLS_msn=',
    '_HLS_msn=-1',
    '_HLS_msn=1e3',
    '_HLS_msn=0x10',
    '_HLS_msn=9007199254740993',
  ];
  const part = [`_HLS_msn=${next}&_HLS_part=-1`, `_HLS_msn=${next}&_HLS_part=x`, `_HLS_msn=${'9'.repeat(40)}`];
  for (const query of [...wrong, ...part]) expect(await status(`${playlist}?${query}`), query).toBe(400);
  for (const query of [`_HLS_msn=${next + 60}`, `_HLS_msn=${next}&_HLS_part=600`]) {
    // A part far beyond the segment means part 0 of the next one (B3.09), or is too far ahead: never an endless wait.
    expect([200, 400], query).toContain(await status(`${playlist}?${query}`));
  }
  expect(await status(`${playlist}?_HLS_msn=${next + 60}`)).toBe(400);
  expect(await status(`${playlist}?_HLS_msn=1&x=${'y'.repeat(100)}`)).toBe(200);

  for (const [range, expected] of [
    ['bytes=0-0', 206],
    ['bytes=-1', 206],
    ['bytes=0-9007199254740991', 206],
    ['bytes=999999999-', 416],
    ['bytes=-0', 416],
    ['bytes=5-2', 416],
    ['bytes=a-b', 416],
    ['lines=1-2', 200],
    ['bytes=0-0,2-3', 200],
    [`bytes=${'0-0,'.repeat(1_000)}1-1`, 200],
  ] as const) {
    expect(await status(media, [`Range: ${range}`]), range.slice(0, 40)).toBe(expected);
  }

  const traversals = [
    '..',
    '%2e%2e',
    '%252e%252e',
    '..%5c',
    '%2fetc%2fpasswd',
    '%00',
    '%c0%ae',
    '.%2e',
    '%zz',
    '%ef%bc%8e%ef%bc%8e',
  ];
  for (const name of traversals) {
    for (const target of [
      `/hls/live/${name}/index.m3u8`,
      `/hls/${name}/target/index.m3u8`,
      `${stream}/source/${name}`,
      `/dash/live/${name}/manifest.mpd`,
    ]) {
      expect([400, 404], target).toContain(await status(target));
    }
  }
  expect(await status(`/hls/live/${'a'.repeat(300)}/index.m3u8`)).toBeGreaterThanOrEqual(400);
  expect(await status(`${playlist}?${'x'.repeat(10_240)}`)).toBe(414);
  // The number of bytes of a head that Node reads before it gives up depends on its version.
  expect([0, 414, 431]).toContain(await status(`/${'x'.repeat(100_000)}`));
  expect(await status(playlist)).toBe(200);
  expect(gateway.errors()).toEqual([]);
});

it('C4.06 aborted requests leave no waiter, no descriptor and no memory behind', {
  timeout: TEST_TIMEOUT + ABORTED_WAITS * 20,
}, async () => {
  const gateway = await startGateway(...SHORT, '--max-waiters-per-ip', '1000');
  publishTestPattern(gateway.publishUrl('waits'), { size: '320x180', preset: 'ultrafast', gop: 25 });
  const base = `${gateway.http}/hls/live/waits`;
  const followed = followStream(base);
  await whenListed(base, 'source', 2);
  const descriptors = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
  const waiting = async (): Promise<number> =>
    Number(/^sluice_hls_waiting (\d+)$/m.exec(await fetchText(`${gateway.http}/metrics`))?.[1]);
  const before = await descriptors();
  let heap = 0;
  let done = 0;
  while (done < ABORTED_WAITS) {
    const { mediaSequence, segments } = parsePlaylist(await fetchText(`${base}/source/index.m3u8`));
    const url = `${base}/source/index.m3u8?_HLS_msn=${mediaSequence + segments.length + 1}`;
    const agent = new Agent({ keepAlive: false });
    const batch = Array.from({ length: 200 }, () => {
      const asked = request(url, { agent });
      return new Promise<void>((resolve) => {
        asked.on('error', () => resolve());
        asked.on('response', (response) => response.resume().on('close', resolve));
        asked.on('socket', (socket) => socket.on('connect', () => setImmediate(() => asked.destroy())));
        asked.on('close', resolve);
        asked.end();
      });
    });
    await Promise.all(batch);
    done += batch.length;
    if (heap === 0) heap = process.memoryUsage().heapUsed;
  }
  // The follower also waits nearly all the time.
  await followed.stop();
  await eventually(async () => ((await waiting()) === 0 ? true : undefined));
  await eventually(async () => ((await descriptors()) <= before + 16 ? true : undefined));
  const grown = process.memoryUsage().heapUsed - heap;
  if (ABORTED_WAITS > 10_000)
    process.stderr.write(
      `${done} aborted waits: heap ${grown} bytes, ${await descriptors()} descriptors (${before} before)\n`,
    );
  // Far less than one closure for each request.
  expect(grown).toBeLessThan(64 * 1024 * 1024);
  expect(gateway.errors()).toEqual([]);
});
