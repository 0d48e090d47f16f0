// When a publisher leaves, the slate continues the same playlists, until the publisher is back.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { publishTestPattern, startGateway, type TestGateway } from '../support/gateway.js';
import { eventually, whenLive } from '../support/hls-client.js';
import { type ParsedSegment, PlaylistChecker } from '../support/playlist-checker.js';
import { PlaylistFollower } from '../support/playlist-follower.js';
import { ffmpegChildren, npmFfmpeg, type RunningProgram, runProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const RENDITIONS = ['source', '144p', 'audio'] as const;

async function redPicture(): Promise<string> {
  const file = join(await temporaryDirectory(), 'away.png');
  const input = ['-f', 'lavfi', '-i', 'color=red:size=160x160', '-frames:v', '1', '-update', '1'];
  await runProgram(npmFfmpeg(), ['-hide_banner', '-loglevel', 'error', '-nostdin', ...input, file]);
  return file;
}

function publishBlue(gateway: TestGateway): RunningProgram {
  const videoSource = 'color=blue:size=320x180:rate=25';
  return publishTestPattern(gateway.publishUrl('cam'), { videoSource, gop: 12, bFrames: 0, preset: 'ultrafast' });
}

interface Followed {
  readonly checker: PlaylistChecker;
  readonly followers: readonly PlaylistFollower[];
}

async function kill(publisher: RunningProgram): Promise<void> {
  publisher.child.kill('SIGKILL');
  await publisher.exit;
}

async function streamState({ http }: TestGateway): Promise<{ state?: string; slate?: true; resumeLeft?: number }> {
  return (await fetch(`${http}/api/v1/streams/live/cam`)).json() as Promise<object>;
}

function shows(gateway: TestGateway, wanted: object): Promise<{ resumeLeft?: number }> {
  return eventually(async () => {
    const state = await streamState(gateway);
    return Object.entries(wanted).every(([key, value]) => state[key as 'slate'] === value) ? state : undefined;
  });
}

/** Red, green and blue in the middle of its first picture. */
async function colour(base: string, rendition: string, { map, uri }: ParsedSegment): Promise<[number, number, number]> {
  const load = async (file: string) => Buffer.from(await (await fetch(`${base}/${rendition}/${file}`)).arrayBuffer());
  const media = Buffer.concat([await load(map ?? ''), await load(uri)]);
  const pixel = ['-vf', 'crop=2:2,scale=1:1', '-frames:v', '1', '-pix_fmt', 'rgb24', '-f', 'rawvideo', 'pipe:1'];
  const [red = 0, green = 0, blue = 0] = (
    await runProgram(npmFfmpeg(), ['-v', 'error', '-f', 'mp4', '-i', 'pipe:0', ...pixel], media)
  ).stdout;
  return [red, green, blue];
}

function follow(base: string, renditions: readonly string[]): Followed {
  // A part that was hinted at does not come if its publisher leaves.
  const checker = new PlaylistChecker({ frame: 0.042, irregular: true });
  const onVersion = (rendition: string, text: string): void => {
    checker.add(rendition, text);
    checker.checkAlignment();
  };
  return { checker, followers: renditions.map((name) => new PlaylistFollower(base, name, { onVersion })) };
}

/** The second whole segment after this many discontinuities, because the first one may be very short. */
function segmentAfter(
  { checker, followers }: Followed,
  rendition: string,
  discontinuities: number,
): Promise<ParsedSegment> {
  return eventually(async () => {
    for (const follower of followers) follower.check();
    const numbers = [...checker.segments(rendition).values()];
    const first = numbers[0]?.discontinuityNumber ?? 0;
    return numbers.filter(({ discontinuityNumber }) => discontinuityNumber === first + discontinuities)[1];
  });
}

it('shows the slate in the same playlists until the publisher is back, and ends with the gateway', async () => {
  const gateway = await startGateway(
    ...['--ladder', 'source,144p', '--segment-duration', '1', '--resume-window', '60', '--slate', await redPicture()],
  );
  const base = `${gateway.http}/hls/live/cam`;
  const first = publishBlue(gateway);
  await whenLive(base);
  const followed = follow(base, RENDITIONS);

  await kill(first);
  const waiting = await shows(gateway, { state: 'resuming', slate: true });
  expect(waiting.resumeLeft).toBeLessThan(60);
  for (const rendition of ['source', '144p']) {
    const [red, green, blue] = await colour(base, rendition, await segmentAfter(followed, rendition, 1));
    expect(red, rendition).toBeGreaterThan(200);
    expect(Math.max(green, blue), rendition).toBeLessThan(60);
  }
  await segmentAfter(followed, 'audio', 1);
  // The resume window runs out although viewers see a slate, because nobody publishes under that name.
  expect((await streamState(gateway)).resumeLeft).toBeLessThan(waiting.resumeLeft ?? 0);
  expect(await ffmpegChildren()).toHaveLength(2);

  const second = publishBlue(gateway);
  await shows(gateway, { state: 'live', slate: undefined });
  for (const rendition of ['source', '144p']) {
    const [red, green, blue] = await colour(base, rendition, await segmentAfter(followed, rendition, 2));
    expect(blue, rendition).toBeGreaterThan(200);
    expect(Math.max(red, green), rendition).toBeLessThan(60);
  }
  expect(second.child.exitCode).toBeNull();
  const complaints = ['pipeline.slate', 'hls.forced-cut'];
  expect(gateway.logs.filter(({ code }) => complaints.includes(String(code)))).toEqual([]);
  for (const follower of followed.followers) await follower.stop();
  const cuts = RENDITIONS.map((rendition) =>
    [...followed.checker.segments(rendition).values()]
      .filter(({ discontinuity }) => discontinuity)
      .map(({ mediaSequence }) => mediaSequence),
  );
  expect(cuts[0]).toHaveLength(2);
  expect(cuts[1]).toEqual(cuts[0]);
  expect(cuts[2]).toEqual(cuts[0]);

  await kill(second);
  await shows(gateway, { state: 'resuming', slate: true });
  await gateway.close();
  expect(await ffmpegChildren()).toEqual([]);
});

it('ends the slate and the playlists if nobody returns within the resume window', async () => {
  const gateway = await startGateway(
    ...['--ladder', 'source', '--segment-duration', '1', '--resume-window', '8', '--slate', await redPicture()],
  );
  const base = `${gateway.http}/hls/live/cam`;
  const publisher = publishBlue(gateway);
  await whenLive(base);
  const [source] = follow(base, ['source']).followers;
  await kill(publisher);
  // The log is checked, because it can be read later too.
  await eventually(async () => gateway.logs.find(({ msg }) => msg === 'slate shown'));
  const ended = await eventually(async () => {
    source?.check();
    return source?.last?.ended ? source.last : undefined;
  });
  expect(ended.segments.filter(({ discontinuity }) => discontinuity)).toHaveLength(1);
  await shows(gateway, { state: 'ended', slate: undefined });
  expect(await ffmpegChildren()).toEqual([]);
});

it('waits without a slate if it cannot be played, logs that once, and resumes as usual', async () => {
  const gateway = await startGateway('--ladder', 'source', '--resume-window', '60', '--slate', '/etc/passwd');
  const base = `${gateway.http}/hls/live/cam`;
  const publisher = publishBlue(gateway);
  await whenLive(base);
  await kill(publisher);
  const warnings = () => gateway.logs.filter(({ code }) => code === 'pipeline.slate');
  await eventually(async () => (warnings().length > 0 ? true : undefined));
  expect(await streamState(gateway)).toMatchObject({ state: 'resuming' });
  expect(await ffmpegChildren()).toEqual([]);
  publishBlue(gateway);
  await shows(gateway, { state: 'live' });
  expect(warnings()).toEqual([
    expect.objectContaining({ level: 40, msg: expect.stringContaining('cannot be played') }),
  ]);
});

it('does not start if the slate file does not exist', async () => {
  await expect(startGateway('--slate', '/nowhere/away.png')).rejects.toMatchObject({ code: 'pipeline.slate' });
});
