// What players do if the end of a stream is announced some seconds after its last segment, in playlists that FFmpeg wrote and no part of
// the gateway has changed: docs/interop.md says what these players do by themselves. `npm run long -- late-end`
import { appendFile, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { npmFfmpeg, startProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { openPlayer, SHAKA_HLS, VIDEO_JS } from './other-players-page.js';

async function serve(directory: string): Promise<string> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const body = await readFile(join(directory, pathname)).catch(() => undefined);
    response.writeHead(body === undefined ? 404 : 200, { 'cache-control': 'no-store' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('an EXT-X-ENDLIST that comes alone ends the stream for Shaka Player, and not for video.js', async () => {
  const directory = await temporaryDirectory();
  const http = await serve(directory);
  const encoder = startProgram(npmFfmpeg(), [
    ...['-loglevel', 'error', '-re', '-f', 'lavfi', '-i', 'color=c=red:size=320x180:rate=25'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p', '-t', '25'],
    ...['-f', 'hls', '-hls_segment_type', 'fmp4', '-hls_time', '1', '-hls_list_size', '6'],
    ...['-hls_flags', 'omit_endlist+temp_file', join(directory, 'index.m3u8')],
  ]);
  await expect
    .poll(() => readFile(join(directory, 'index.m3u8'), 'utf8').catch(() => ''), { timeout: 30_000 })
    .toMatch(/index4/);
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const players = [VIDEO_JS, SHAKA_HLS];
  const pages = await Promise.all(
    players.map((player) => openPlayer(browser, `${http}/index.m3u8`, `${http}/index.m3u8`, player)),
  );
  expect((await encoder.exit).code).toBe(0);
  await delay(10_000);
  await appendFile(join(directory, 'index.m3u8'), '#EXT-X-ENDLIST\n');
  await delay(15_000);
  const told = await Promise.all(
    pages.map((page) => page.evaluate('({ ended: seen.ended, duration: document.querySelector("video").duration })')),
  );
  // Both have read the tag: the duration of a live stream is infinite. video.js calls endOfStream() only after it has appended media from a
  // playlist with the tag (VHS 3.17, SegmentLoader.handleAppendsDone_).
  expect(told).toEqual([
    { ended: false, duration: 25 },
    { ended: true, duration: 25 },
  ]);
});
