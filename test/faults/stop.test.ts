// A stop under load must be faster than the grace period of containers, and must not leave playlists that list missing files.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { followStream } from '../support/followed-stream.js';
import { buildGateway } from '../support/gateway-process.js';
import { eventually, fetchText, whenListed } from '../support/hls-client.js';
import { readSegment } from '../support/media-checks.js';
import { parsePlaylist } from '../support/playlist-checker.js';
import { ffmpegChildren } from '../support/processes.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { publishLoop } from './looping-publisher.js';

/** Milliseconds that Docker gives a container between SIGTERM and SIGKILL. */
const GRACE_PERIOD = 10_000;
const STREAMS = ['one', 'two', 'three'];
const RENDITIONS = ['source', '144p', 'audio'];

it('C4.10 SIGTERM under load ends it within the grace period of a container, and all listed files are on disk', async () => {
  const program = await buildGateway('--ladder', 'source,144p');
  const gateway = await program.start();
  const source = await makeFlvSource({ seconds: 4, gop: 25 });
  const publishers = await Promise.all(
    STREAMS.map((name) => publishLoop(`${gateway.rtmp}/${name}`, source, { burst: 4 })),
  );
  for (const name of STREAMS) followStream(`${gateway.http}/hls/live/${name}`, { mayVanish: true, brokenHints: true });
  await Promise.all(STREAMS.map((name) => whenListed(`${gateway.http}/hls/live/${name}`, '144p', 2)));
  const ffmpegs = await ffmpegChildren(gateway.pid);
  expect(ffmpegs.length).toBeGreaterThanOrEqual(STREAMS.length);
  const waits = STREAMS.flatMap((name) =>
    RENDITIONS.map(async (rendition) => {
      const url = `${gateway.http}/hls/live/${name}/${rendition}/index.m3u8`;
      const newest = parsePlaylist(await fetchText(url)).segments.at(-1)?.mediaSequence ?? 0;
      return Array.from({ length: 50 }, () =>
        fetch(`${url}?_HLS_msn=${newest + 2}`).then((response) => response.text()),
      );
    }),
  );
  // Settled, whatever the results are: connections may end during it.
  const waiting = Promise.allSettled((await Promise.all(waits)).flat());

  const began = performance.now();
  gateway.child.kill('SIGTERM');
  expect(await gateway.exit).toEqual({ code: 0, signal: null });
  expect(performance.now() - began).toBeLessThan(GRACE_PERIOD);

  // No request is left hanging, whatever its answer was.
  await waiting;
  await eventually(async () => (publishers.some(({ connected }) => connected) ? undefined : true));
  const running = await readdir('/proc');
  expect(ffmpegs.filter((pid) => running.includes(`${pid}`))).toEqual([]);
  expect(gateway.logs.filter(({ level }) => level >= 50)).toEqual([]);
  for (const name of STREAMS) {
    for (const rendition of RENDITIONS) {
      const directory = join(program.mediaDir, 'live', name, rendition);
      const { segments } = parsePlaylist(await readFile(join(directory, 'index.m3u8'), 'utf8'));
      expect(segments.length).toBeGreaterThan(0);
      for (const { uri, map = '', gap } of segments) {
        if (!gap) readSegment(await readFile(join(directory, map)), await readFile(join(directory, uri)));
      }
    }
  }
});
