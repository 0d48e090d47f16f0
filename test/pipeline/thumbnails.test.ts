// A thumbnail is made only on request, only for a new key frame, and at most once per segment.
import { beforeEach, describe, expect, it } from 'vitest';
import { LiveStream } from '../../src/live/stream.js';
import { Thumbnails } from '../../src/pipeline/thumbnails.js';
import { videoFrame, videoHeader } from '../live/media.js';
import { ManualClock } from '../support/manual-clock.js';

let clock: ManualClock;
let stream: LiveStream;
let made: number;
let fails: boolean;
let thumbnails: Thumbnails;
let warnings: string[];
let found: { app: string; name: string; stream: LiveStream } | undefined;

beforeEach(() => {
  clock = new ManualClock();
  stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0 });
  made = 0;
  fails = false;
  warnings = [];
  found = { app: 'live', name: 'a', stream };
  const quiet = () => undefined;
  thumbnails = new Thumbnails({
    maker: {
      async make(frame) {
        const wanted = frame();
        made += 1;
        await Promise.resolve();
        if (wanted === undefined || fails) throw new Error('cannot be decoded');
        return Buffer.from(`${wanted.description.codec} ${made}`);
      },
    },
    find: () => found,
    segmentDuration: 2.5,
    clock,
    logger: { debug: quiet, info: quiet, error: quiet, warn: (_fields, text) => void warnings.push(text) },
  });
});

const publish = (time: number): void => {
  if (time === 0) stream.publish('video', 0, videoHeader());
  stream.publish('video', time, videoFrame(true));
  stream.publish('video', time + 40, videoFrame(false));
};

const picture = async (): Promise<string | undefined> => (await thumbnails.get('live', 'a'))?.body.toString();

describe('Thumbnails', () => {
  it('has none for a name that nobody publishes, or before its first key frame', async () => {
    expect(await picture()).toBeUndefined();
    found = undefined;
    expect(await picture()).toBeUndefined();
    expect(made).toBe(0);
  });

  it('makes one for all requests at the same time, and keeps it for a segment', async () => {
    publish(0);
    expect(await Promise.all([picture(), picture(), picture()])).toEqual(['avc 1', 'avc 1', 'avc 1']);
    const first = await thumbnails.get('live', 'a');
    expect(first?.entityTag).toMatch(/^"[\w-]{22}"$/);
    expect(first?.maxAge).toBe(2);
    publish(1000);
    clock.advance(2_499);
    expect(await picture()).toBe('avc 1');
    clock.advance(1);
    expect(await picture()).toBe('avc 2');
    clock.advance(60_000);
    expect(await picture()).toBe('avc 2');
    expect((await thumbnails.get('live', 'a'))?.entityTag).not.toBe(first?.entityTag);
  });

  it('is not made without a request', async () => {
    for (let time = 0; time < 20_000; time += 2_000) publish(time);
    clock.advance(20_000);
    await Promise.resolve();
    expect(made).toBe(0);
    expect(clock.pending).toEqual([]);
  });

  it('keeps the last picture while the publisher is away', async () => {
    publish(0);
    await picture();
    stream.end();
    clock.advance(10_000);
    expect(await picture()).toBe('avc 1');
  });

  it('tries a key frame that cannot be decoded only once, and shows the previous picture', async () => {
    publish(0);
    await picture();
    publish(3000);
    clock.advance(3_000);
    fails = true;
    expect(await picture()).toBe('avc 1');
    clock.advance(3_000);
    expect(await picture()).toBe('avc 1');
    expect(made).toBe(2);
    expect(warnings).toEqual(['no thumbnail: Error: cannot be decoded']);
    fails = false;
    publish(6000);
    expect(await picture()).toBe('avc 3');
  });
});
