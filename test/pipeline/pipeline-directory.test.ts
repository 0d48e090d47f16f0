// Which streams the API lists, and for how long after their end.
import { describe, expect, it } from 'vitest';
import { npmFfmpeg } from '../support/processes.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { makeSharedParts, setUp } from './pipeline-under-test.js';

/** A directory with one stream that was published for 5 s and has ended. */
async function afterOneStream() {
  const source = await makeFlvSource({ seconds: 5, audio: false });
  const tested = makeSharedParts();
  const { directory } = tested;
  const publishAgain = () => {
    const run = setUp({ ffmpeg: npmFfmpeg(), tested });
    directory.add(run.pipeline);
    return run;
  };
  const publishAll = async (): Promise<void> => {
    const { stream, pipeline, publish, seen } = publishAgain();
    stream.publish('video', 1000, source.videoHeader);
    publish(source.media.slice(0, 5));
    tested.clock.advance(1000);
    await seen('stream started');
    publish(source.media.slice(5));
    stream.end();
    await pipeline.end();
  };
  await publishAll();
  return { ...tested, publishAgain, publishAll };
}

describe('PipelineDirectory', () => {
  it('lists an ended stream as long as the origin serves it', async () => {
    const { directory, origin, clock } = await afterOneStream();
    expect(directory.get('live', 'test')).toMatchObject({
      state: 'ended',
      renditions: [{ name: 'source' }],
      ingest: { bitrate: 0, bytes: expect.any(Number) },
    });
    // Until the origin has removed it, and not a moment longer.
    const [untilGone = 0] = clock.pending;
    clock.advance(untilGone - 1);
    expect(directory.list().map(({ state }) => state)).toEqual(['ended']);
    clock.advance(1);
    expect(origin.presentation('live', 'test')).toBeUndefined();
    expect(directory.list()).toEqual([]);
    expect(directory.get('live', 'test')).toBeUndefined();
    expect(directory.pipelines).toEqual([]);
  });

  it('lists one stream of a name: the new publisher, and the ended stream again when that publisher leaves without media', async () => {
    const { directory, publishAgain } = await afterOneStream();
    const { stream, pipeline } = publishAgain();
    expect(directory.list().map(({ state }) => state)).toEqual(['waiting']);
    stream.end();
    await pipeline.end();
    expect(directory.list().map(({ state }) => state)).toEqual(['ended']);
  });

  it('forgets the ended stream for good when a later one has replaced it', async () => {
    const { directory, publishAll } = await afterOneStream();
    await publishAll();
    expect(directory.pipelines).toHaveLength(1);
    expect(directory.list().map(({ state }) => state)).toEqual(['ended']);
  });
});
