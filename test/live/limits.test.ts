// One publisher must not harm others: jumps, changes, sizes and rates have limits, and a publisher that exceeds one gets the reason.
import { describe, expect, it } from 'vitest';
import { LiveStream } from '../../src/live/stream.js';
import type { LiveStreamOptions } from '../../src/live/stream-options.js';
import type { TrackChange } from '../../src/live/track-presence.js';
import { buildSps } from '../protocols/mp4/bit-writer.js';
import { audioFrame, audioHeader, SPS_640, STILL, videoFrame, videoHeader } from './media.js';

function newStream(options: Partial<LiveStreamOptions> = {}) {
  const clock = { now: 0 };
  const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: { now: () => clock.now }, ...options });
  stream.publish('video', 0, videoHeader());
  return { stream, clock };
}

describe('limits of a stream', () => {
  it.each([
    ['jumps every third frame', (frame: number) => Math.floor(frame / 3) * 100_000],
    ['stands still', () => 0],
    ['runs backwards', (frame: number) => (2 ** 32 - frame * 700) % 2 ** 32],
  ])('C2.15 cuts a publisher whose clock %s', (_, timestamp) => {
    const { stream } = newStream();
    let discontinuities = 0;
    stream.on({ onTag: (tag) => (discontinuities += tag.discontinuity ? 1 : 0) });
    const flood = (): void => {
      for (let frame = 0; frame < 5_000; frame += 1) stream.publish('video', timestamp(frame), videoFrame(frame === 0));
    };
    expect(flood).toThrow(expect.objectContaining({ code: 'live.timestamps', kind: 'limit' }));
    expect(discontinuities).toBe(10);
  });

  it('C2.15 treats timestamps that alternate by 2^30 as single outliers', () => {
    const { stream } = newStream();
    for (let frame = 0; frame < 2_000; frame += 1) {
      stream.publish('video', frame * 40 + (frame % 2) * 2 ** 30, videoFrame(frame === 0));
    }
    expect(stream.statistics.discontinuities).toBe(0);
    expect(stream.position).toBeLessThan(1_000 + 2_001 * 40);
  });

  it('C2.15 allows the same number of jumps again after a minute', () => {
    const { stream, clock } = newStream({ limits: { maxDiscontinuitiesPerMinute: 2 } });
    for (let jump = 0; jump < 10; jump += 1) {
      clock.now += 30_000;
      for (let frame = 0; frame < 5; frame += 1) {
        stream.publish('video', jump * 1_000_000 + frame * 40, videoFrame(frame === 0));
      }
    }
    expect(stream.statistics.discontinuities).toBe(9);
  });

  it('C2.16 disconnects a publisher whose pictures change their size again and again', () => {
    const { stream } = newStream();
    const flip = (): void => {
      for (let second = 0; second < 60; second += 1) {
        stream.publish('video', second * 1_000, videoHeader(second % 2 === 0 ? SPS_640 : undefined));
        stream.publish('video', second * 1_000, videoFrame(true));
      }
    };
    expect(flip).toThrow(expect.objectContaining({ code: 'live.parameter-changes', kind: 'limit' }));
    expect(stream.statistics.parameterChanges).toBe(6);
  });

  it.each([
    ['wider than 8192', { widthInMacroblocks: 513, heightInMapUnits: 20 }],
    ['of 8192x8192', { widthInMacroblocks: 512, heightInMapUnits: 512 }],
  ])('C2.17 A7.17 refuses pictures %s', (_, sps) => {
    const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: STILL });
    expect(() => stream.publish('video', 0, videoHeader(buildSps(sps)))).toThrow(
      expect.objectContaining({ code: 'live.picture-limit', kind: 'limit' }),
    );
  });

  it('refuses more reference pictures than any level allows', () => {
    const large = (referenceFrames: number) => () => {
      const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: STILL });
      stream.publish(
        'video',
        0,
        videoHeader(buildSps({ widthInMacroblocks: 512, heightInMapUnits: 272, referenceFrames })),
      );
    };
    // H.264 A.3.1: level 6.2 has a decoded picture buffer of five at this size.
    expect(large(5)).not.toThrow();
    expect(large(16)).toThrow(/8192x4352 whose reference pictures take \d+ MiB to decode, the limit is 768/);
  });

  it('C2.17 obeys the limit in the options', () => {
    const stream = new LiveStream({
      app: 'live',
      name: 'a',
      startedAt: 0,
      clock: STILL,
      limits: { maxPixels: 320 * 240 },
    });
    stream.publish('video', 0, videoHeader());
    expect(() => stream.publish('video', 0, videoHeader(SPS_640))).toThrow('640x480');
  });

  it('C2.17 A7.17 refuses 1000 frames per second and accepts 240', () => {
    const play = (frameRate: number) => (): void => {
      const { stream } = newStream();
      for (let frame = 0; frame < frameRate * 5; frame += 1) {
        stream.publish('video', Math.round((frame * 1_000) / frameRate), videoFrame(frame === 0));
      }
    };
    expect(play(240)).not.toThrow();
    expect(play(1_000)).toThrow(expect.objectContaining({ code: 'live.frame-rate-limit' }));
  });
});

describe('onTrackChange', () => {
  it('A7.12 reports tracks that come late, disappear and return, before the first tag of each', () => {
    const { stream } = newStream({ trackTimeout: 3_000 });
    const events: string[] = [];
    const name = ({ kind, present }: TrackChange): string => `${kind} ${present}`;
    stream.on({
      onTrackChange: (change) => events.push(name(change)),
      onTag: ({ kind, dts, sequenceHeader }) => {
        if (!sequenceHeader && [1_000, 5_000, 12_000].includes(dts)) events.push(`${kind} ${dts}`);
      },
    });
    const video = (from: number, to: number): void => {
      for (let time = from; time < to; time += 40) stream.publish('video', time, videoFrame(time === 0));
    };
    video(0, 4_000);
    stream.publish('audio', 4_000, audioHeader());
    stream.publish('audio', 4_000, audioFrame());
    video(4_040, 11_000);
    stream.publish('audio', 11_000, audioFrame());
    expect(events).toEqual([
      'video true',
      'video 1000',
      'audio true',
      'audio 5000',
      'audio false',
      'audio true',
      'audio 12000',
    ]);
  });

  it('counts a pause of both tracks as a pause, not as a change of tracks', () => {
    const { stream } = newStream({ trackTimeout: 3_000 });
    const changes: TrackChange[] = [];
    stream.on({ onTrackChange: (change) => changes.push(change) });
    stream.publish('audio', 0, audioHeader());
    for (const start of [0, 4_000, 8_000]) {
      stream.publish('video', start, videoFrame(true));
      for (let frame = 0; frame < 5; frame += 1) stream.publish('video', start + 40 + frame * 40, videoFrame(false));
      stream.publish('audio', start, audioFrame());
    }
    expect(changes.filter(({ present }) => !present)).toEqual([]);
  });
});
