// An internal error in a recording ends at most that recording: the stream and other recordings go on.
import { beforeAll, expect, it } from 'vitest';
import { followStream } from '../support/followed-stream.js';
import { startGateway } from '../support/gateway.js';
import { eventually, whenListed } from '../support/hls-client.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';
import { publishLoop } from './looping-publisher.js';
import { Injections } from './seams/injections.js';

const FLAGS = ['--ladder', 'source', '--segment-duration', '1', '--part-duration', '0.25', '--record', 'all'];

let source: FlvSource;
beforeAll(async () => {
  source = await makeFlvSource({ seconds: 4, gop: 25 });
});

it.each(['recording start', 'recording', 'end of a recording', 'finishing a recording', 'retention'])(
  'an error at "%s" is logged, and streams and other recordings go on',
  async (seam) => {
    const injections = new Injections();
    const { gateway, http, publishUrl, errors } = await startGateway(...FLAGS);
    const neighbour = await publishLoop(publishUrl('neighbour'), source);
    followStream(`${http}/hls/live/neighbour`);
    await whenListed(`${http}/hls/live/neighbour`, 'source', 1);
    const hit = injections.arm({ seam, domain: (name) => name === 'recordings', fault: 'rejection' });
    const victim = await publishLoop(publishUrl('victim'), source);
    await whenListed(`${http}/hls/live/victim`, 'source', 2);
    if (seam === 'finishing a recording') gateway.recordings.stop('live', 'victim');
    else if (seam !== 'recording start') await victim.stop();
    await hit;
    await whenListed(`${http}/hls/live/neighbour`, 'source', 4);
    await neighbour.stop();
    const kept = await eventually(async () =>
      gateway.recordings.list({ name: 'neighbour', limit: 5 }).recordings.find(({ state }) => state === 'finished'),
    );
    expect(kept.duration).toBeGreaterThan(3);
    expect(errors().map(({ where }) => where)).toContain(seam);
  },
);

it('an error at "reading of recordings" is logged, and streams are recorded', async () => {
  const injections = new Injections();
  const hit = injections.arm({
    seam: 'reading of recordings',
    domain: (name) => name === 'recordings',
    fault: 'rejection',
  });
  const { gateway, http, publishUrl, errors } = await startGateway(...FLAGS);
  await hit;
  const publisher = await publishLoop(publishUrl('cam'), source);
  followStream(`${http}/hls/live/cam`);
  await whenListed(`${http}/hls/live/cam`, 'source', 1);
  await publisher.stop();
  await eventually(async () =>
    gateway.recordings.list({ limit: 5 }).recordings.find(({ state }) => state === 'finished'),
  );
  expect(errors().map(({ where }) => where)).toContain('reading of recordings');
});
