// A publisher's key must not appear in anything that is served or stored, and its media must never act as a command.
import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startGateway, TEST_KEY, type TestGateway } from '../support/gateway.js';
import { fetchText, recordRendition, whenLive } from '../support/hls-client.js';
import { ffmpegChildren, npmFfmpeg, startProgram } from '../support/processes.js';

/** A listener that must not be called. It counts connections. */
async function startTrap(): Promise<{ port: number; calls: () => number }> {
  let calls = 0;
  const server = createServer((socket) => {
    calls += 1;
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, calls: () => calls };
}

/** Publishes pictures that contain `text` beside their slices, and metadata that contains it too. */
function publishWith(gateway: TestGateway, name: string, text: string): ReturnType<typeof startProgram> {
  const userData = `h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+${text.replaceAll(':', '\\\\:')}`;
  return startProgram(npmFfmpeg(), [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'],
    ...['-re', '-f', 'lavfi', '-i', 'sine=sample_rate=48000', '-t', '7', '-c:v', 'libx264', '-preset', 'ultrafast'],
    ...['-pix_fmt', 'yuv420p', '-g', '25', '-bsf:v', userData, '-c:a', 'aac', '-metadata', `title=${text}`],
    ...['-f', 'flv', gateway.publishUrl(name)],
  ]);
}

it('C3.01 C3.02 C3.07 the key of a publisher appears nowhere, and its payload is never a command to FFmpeg', async () => {
  const gateway = await startGateway('--ladder', 'source,144p');
  const trap = await startTrap();
  const text = `#EXTM3U #EXTINF:1 concat:http://127.0.0.1:${trap.port}/x|file:///etc/passwd`;
  const publisher = publishWith(gateway, 'show', text);
  const base = `${gateway.http}/hls/live/show`;
  const outputs = [await whenLive(base)];

  // While it is live: the process list, the open files of FFmpeg, and every served text.
  const [ffmpeg] = await ffmpegChildren().then((pids) => pids.filter((pid) => pid !== publisher.pid));
  expect(ffmpeg).toBeDefined();
  const commandLine = await readFile(`/proc/${ffmpeg}/cmdline`, 'utf8');
  expect(commandLine).not.toContain('show');
  const open = await readdir(`/proc/${ffmpeg}/fd`);
  const targets = await Promise.all(open.map((fd) => readlink(`/proc/${ffmpeg}/fd/${fd}`).catch(() => '')));
  expect(targets.filter((target) => /^\/(?!dev\/(null|urandom)$)/.test(target))).toEqual([]);
  const environment = await readFile(`/proc/${ffmpeg}/environ`, 'utf8');
  outputs.push(commandLine, environment);
  for (const path of ['/', '/api/streams', '/metrics', '/health', '/nobody', '/hls/live/nobody/index.m3u8']) {
    outputs.push(await fetch(`${gateway.http}${path}`).then((response) => response.text()));
  }
  const recorded = await Promise.all(['source', '144p', 'audio'].map((name) => recordRendition(base, name)));
  expect((await publisher.exit).code).toBe(0);
  for (const { playlists } of recorded) outputs.push(...playlists);
  outputs.push(await fetchText(`${base}/index.m3u8`).catch(String), JSON.stringify(gateway.logs));
  outputs.push((await readdir(gateway.mediaDir, { recursive: true })).join('\n'));
  for (const output of outputs) expect(output).not.toContain(TEST_KEY);
  expect(outputs.join('')).not.toContain('/etc/passwd');

  // The text did reach FFmpeg: it is in the pictures that were passed on.
  const source = Buffer.concat([...(recorded[0]?.segments.values() ?? [])].map(({ bytes }) => bytes));
  expect(source.includes('#EXTM3U')).toBe(true);
  expect(recorded[1]?.segments.size).toBeGreaterThanOrEqual(2);
  expect(trap.calls()).toBe(0);
  expect(gateway.errors()).toEqual([]);
});
