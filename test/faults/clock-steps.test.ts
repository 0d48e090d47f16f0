// The clock of the machine is set while streams run, by an operator or NTP: nothing that players see may change.
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/load-config.js';
import { createGateway } from '../../src/gateway.js';
import type { Clock } from '../../src/protocols/clock.js';
import { systemClock } from '../../src/system-clock.js';
import { eventually, fetchText, whenLive } from '../support/hls-client.js';
import { type ParsedSegment, parsePlaylist } from '../support/playlist-checker.js';
import { npmFfmpeg } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { publishLoop } from './looping-publisher.js';

const HOUR = 3_600_000;

it('C4.08 the wall clock steps by an hour forward and back, while a stream runs and while it waits for its publisher', async () => {
  let step = 0;
  const clock: Clock = { ...systemClock, wallClock: () => Date.now() + step };
  const directory = await temporaryDirectory();
  const ports = ['--host', '127.0.0.1', '--rtmp-port', '0', '--http-port', '0', '--media-dir', `${directory}/media`];
  const flags = ['--ladder', 'source', '--segment-duration', '1', '--resume-window', '30', '--publish-key', 'none'];
  const config = loadConfig({ argv: [...ports, ...flags, '--ffmpeg-path', npmFfmpeg()], env: {}, cwd: directory });
  const gateway = await createGateway(config, { logger: pino({ level: 'silent' }), clock });
  const { rtmp, http } = await gateway.start();
  onTestFinished(() => gateway.close());
  const base = `${http.replace(/\/$/, '')}/hls/live/main`;
  const source = await makeFlvSource({ seconds: 4, gop: 25 });
  const seen = new Map<number, ParsedSegment>();
  const look = async () => {
    for (const segment of parsePlaylist(await fetchText(`${base}/source/index.m3u8`)).segments) {
      seen.set(segment.mediaSequence, segment);
    }
    return seen.size;
  };
  const more = async (count: number) => {
    const before = await look();
    await eventually(async () => ((await look()) >= before + count ? true : undefined));
  };

  const began = Date.now();
  const first = await publishLoop(`${rtmp}/main`, source);
  await whenLive(base);
  const live = Date.now();
  step = HOUR;
  await more(2);
  step = -HOUR;
  await more(2);
  const left = Date.now();
  await first.stop();
  step = HOUR;
  await publishLoop(`${rtmp}/main`, source);
  await more(2);
  const away = Date.now() - left;

  const segments = [...seen.values()];
  const [{ mediaSequence, programDateTime = 0 } = { mediaSequence: 0 }] = segments;
  expect(segments.map((segment) => segment.mediaSequence)).toEqual(segments.map((_, index) => mediaSequence + index));
  expect(segments.filter(({ discontinuity }) => discontinuity)).toHaveLength(1);
  expect(programDateTime).toBeGreaterThan(began - 100);
  expect(programDateTime).toBeLessThan(live);
  for (const [index, segment] of segments.entries()) {
    const before = segments[index - 1];
    if (before === undefined) continue;
    const hole = (segment.programDateTime ?? 0) - (before.programDateTime ?? 0) - before.duration * 1000;
    expect(hole).toBeGreaterThan(-2);
    expect(hole).toBeLessThan(segment.discontinuity ? away : 2);
  }
});
