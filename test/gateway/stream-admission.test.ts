// A publish that fails half-way, after its pipeline was built: the pipeline is removed, and the name can be published again at once.
import { expect, it, vi } from 'vitest';
import { StreamPipeline } from '../../src/pipeline/stream-pipeline.js';
import { publishLoop } from '../faults/looping-publisher.js';
import { startGateway } from '../support/gateway.js';
import { whenLive } from '../support/hls-client.js';
import { makeFlvSource } from '../transcode/flv-source.js';

it('ends a stream whose publish fails half-way, instead of waiting for the publisher to return', async () => {
  const gateway = await startGateway('--ladder', 'source', '--resume-window', '30', '--segment-duration', '1');
  const source = await makeFlvSource({ seconds: 4, gop: 25 });
  vi.spyOn(StreamPipeline.prototype, 'attach').mockImplementationOnce(() => {
    throw new TypeError('half-way');
  });
  const streams = async (): Promise<unknown> => {
    const answer = (await (await fetch(`${gateway.http}/api/v1/streams`)).json()) as { streams: unknown };
    return answer.streams;
  };
  await expect(publishLoop(gateway.publishUrl('cam'), source)).rejects.toThrow();
  await expect.poll(streams).toEqual([]);
  expect(gateway.gateway.streams()).toEqual([]);

  await publishLoop(gateway.publishUrl('cam'), source);
  await whenLive(`${gateway.http}/hls/live/cam`);
  expect(await streams()).toMatchObject([{ name: 'cam', state: 'live' }]);
});
