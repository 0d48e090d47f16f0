// Slow readers never slow the publisher, and no reader ever starts or resumes without a key frame.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LiveStream } from '../../src/live/stream.js';
import type { Subscription } from '../../src/live/subscription.js';
import type { LiveTag } from '../../src/live/tag.js';
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { audioFrame, audioHeader, metadata, SPS_640, STILL, videoFrame, videoHeader } from './media.js';

function newStream(gopCacheBytes = 100_000): LiveStream {
  // These streams change their headers as often as a test wants.
  const limits = { maxParameterChangesPerMinute: Number.POSITIVE_INFINITY };
  return new LiveStream({ app: 'live', name: 'test', startedAt: 0, clock: STILL, gopCacheBytes, limits });
}

function drain(subscription: Subscription): LiveTag[] {
  const tags: LiveTag[] = [];
  for (let tag = subscription.take(); tag !== undefined; tag = subscription.take()) tags.push(tag);
  return tags;
}

const short = (tag: LiveTag): string =>
  `${tag.kind[0]}${tag.sequenceHeader ? 'H' : tag.keyFrame ? 'K' : ''}${tag.sequenceHeader || tag.kind === 'script' ? '' : tag.dts - 1000}`;

/** Headers, then a key frame each second, and an inter frame and audio between. */
function publishSeconds(stream: LiveStream, from: number, to: number): void {
  if (from === 0) {
    stream.publish('video', 0, videoHeader());
    stream.publish('audio', 0, audioHeader());
  }
  for (let second = from; second < to; second += 1) {
    stream.publish('video', second * 1000, videoFrame(true));
    stream.publish('video', second * 1000 + 500, videoFrame(false));
    stream.publish('audio', second * 1000 + 510, audioFrame());
  }
}

describe('subscribe', () => {
  it('starts a late reader with metadata, headers and everything since the last key frame', () => {
    const stream = newStream();
    stream.publish('script', 0, metadata({ width: 1 }));
    publishSeconds(stream, 0, 3);
    const subscription = stream.subscribe({ maxBytes: 100_000 });
    stream.publish('video', 2600, videoFrame(false));
    expect(drain(subscription).map(short)).toEqual(['s', 'vH', 'aH', 'vK2000', 'v2500', 'a2510', 'v2600']);
  });

  it('gives data messages unchanged, in order and at their time, but not to a reader who comes later', () => {
    const stream = newStream();
    const early = stream.subscribe({ maxBytes: 100_000 });
    publishSeconds(stream, 0, 1);
    const cue = encodeAmf0(['onCuePoint', 'one']);
    stream.publish('script', 520, cue);
    stream.publish('script', 520, encodeAmf0(['onCuePoint', 'two']));
    stream.publish('video', 560, videoFrame(false));
    const late = stream.subscribe({ maxBytes: 100_000 });
    const tags = drain(early);
    expect(tags.map(short)).toEqual(['vH', 'aH', 'vK0', 'v500', 'a510', 's', 's', 'v560']);
    expect(tags[5]).toMatchObject({ body: cue, dts: 1_520, momentary: true });
    expect(drain(late).map(short)).toEqual(['vH', 'aH', 'vK0', 'v500', 'a510', 'v560']);
  });

  it('drops data messages that exceed the rate, and says so once', () => {
    let now = 0;
    const limits = { maxDataRate: 1_000 };
    const stream = new LiveStream({ app: 'live', name: 'test', startedAt: 0, clock: { now: () => now }, limits });
    const told: string[] = [];
    stream.on({ onWarning: ({ message }) => told.push(message) });
    const reader = stream.subscribe({ maxBytes: 100_000 });
    const message = encodeAmf0(['onTextData', 'x'.repeat(100)]);
    for (let i = 0; i < 50; i += 1) stream.publish('script', i, message);
    const first = drain(reader).length;
    expect(first).toBe(Math.floor(1_000 / (message.length + 128)));
    now = 1_000;
    for (let i = 0; i < 50; i += 1) stream.publish('script', 1_000 + i, message);
    expect(drain(reader)).toHaveLength(first);
    expect(stream.statistics.repairs.get('data-rate')).toBe(100 - 2 * first);
    expect(stream.statistics.dataMessages).toBe(2 * first);
    expect(told).toEqual([expect.stringContaining('maxDataRate')]);
  });

  it('a reader that reads nothing loses data messages too, and stays within its limit', () => {
    const stream = newStream();
    publishSeconds(stream, 0, 1);
    const subscription = stream.subscribe({ maxBytes: 2_000 });
    for (let i = 0; i < 100; i += 1) stream.publish('script', 520 + i, encodeAmf0(['onTextData', 'x'.repeat(100)]));
    expect(subscription.queuedBytes).toBeLessThanOrEqual(2_000);
    expect(subscription.droppedTags).toBeGreaterThan(0);
  });

  it('gives the headers that belong to the cached pictures, and then the new ones', () => {
    const stream = newStream();
    publishSeconds(stream, 0, 1);
    stream.publish('video', 600, videoHeader(SPS_640));
    const tags = drain(stream.subscribe({ maxBytes: 100_000 }));
    expect(tags.map(short)).toEqual(['vH', 'aH', 'vK0', 'v500', 'a510', 'vH']);
    expect(tags[0]?.body.equals(videoHeader())).toBe(true);
    expect(tags[5]?.body.equals(videoHeader(SPS_640))).toBe(true);
  });

  it('gives each tag once to a reader that a listener adds while that tag is delivered', () => {
    const stream = newStream();
    let subscription: Subscription | undefined;
    stream.on({
      onTag: (tag) => {
        if (tag.keyFrame) subscription ??= stream.subscribe({ maxBytes: 100_000 });
      },
    });
    publishSeconds(stream, 0, 1);
    if (subscription === undefined) throw new Error('no key frame came');
    expect(drain(subscription).map(short)).toEqual(['vH', 'aH', 'vK0', 'v500', 'a510']);
  });

  it('serves audio without video from its last two seconds', () => {
    const stream = newStream();
    stream.publish('audio', 0, audioHeader());
    for (let time = 0; time <= 3_000; time += 500) stream.publish('audio', time, audioFrame());
    const subscription = stream.subscribe({ maxBytes: 100_000 });
    stream.publish('audio', 3_500, audioFrame());
    expect(drain(subscription).map(short)).toEqual(['aH', 'a2500', 'a3000', 'a3500']);
  });

  it('makes a reader wait for the next key frame when the last group was too large to keep', () => {
    const stream = newStream(1_000);
    publishSeconds(stream, 0, 1);
    stream.publish('video', 600, videoFrame(false, 2_000));
    expect(stream.statistics).toMatchObject({ gopCacheOverflows: 1, gopCacheBytes: 0 });
    const subscription = stream.subscribe({ maxBytes: 100_000 });
    stream.publish('video', 700, videoFrame(false));
    stream.publish('audio', 700, audioFrame());
    publishSeconds(stream, 1, 2);
    expect(drain(subscription).map(short)).toEqual(['vH', 'aH', 'vK1000', 'v1500', 'a1510']);
  });

  it('keeps the cache within its limit, beginning with a key frame, whatever is published', () => {
    const message = fc.constantFrom('key', 'inter', 'audio', 'header', 'script');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(message, fc.nat(300)), { maxLength: 80 }),
        fc.integer({ min: 1, max: 3_000 }),
        (messages, bound) => {
          const stream = newStream(bound);
          for (const [index, [kind, size]] of messages.entries()) {
            const time = index * 20;
            if (kind === 'audio') stream.publish('audio', time, audioFrame(size + 1));
            else if (kind === 'script') stream.publish('script', time, metadata({ width: size, height: index }));
            else if (kind === 'header') stream.publish('audio', time, audioHeader());
            else stream.publish('video', time, videoFrame(kind === 'key', size + 6));
            if (index === 5) stream.publish('video', time, videoHeader());
            expect(stream.statistics.gopCacheBytes).toBeLessThanOrEqual(bound);
            const start = drain(stream.subscribe({ maxBytes: 1_000_000 }));
            const first = start.find((tag) => tag.kind === 'video' && !tag.sequenceHeader);
            expect(first?.keyFrame ?? true).toBe(true);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('shares the bodies: a subscription copies nothing', () => {
    const stream = newStream();
    publishSeconds(stream, 0, 1);
    const [first, second] = [1, 2].map(() => drain(stream.subscribe({ maxBytes: 100_000 })));
    expect(first?.every((tag, index) => tag.body === second?.[index]?.body)).toBe(true);
  });
});

describe('Subscription', () => {
  it('calls onReadable once for each time the queue stops being empty', async () => {
    const stream = newStream();
    let calls = 0;
    const subscription = stream.subscribe({ maxBytes: 100_000, onReadable: () => (calls += 1) });
    publishSeconds(stream, 0, 2);
    expect(calls).toBe(1);
    drain(subscription);
    stream.publish('audio', 2_000, audioFrame());
    stream.publish('audio', 2_021, audioFrame());
    expect(calls).toBe(2);
    // Tags that subscribe() itself queued are announced when the caller has the subscription.
    let late = 0;
    stream.subscribe({ maxBytes: 100_000, onReadable: () => (late += 1) });
    expect(late).toBe(0);
    await Promise.resolve();
    expect(late).toBe(1);
  });

  it('over its limit drops tags up to the next key frame, counts them, and keeps the headers', () => {
    const stream = newStream();
    const frame = videoFrame(true).length;
    const subscription = stream.subscribe({
      maxBytes: 3 * frame + videoHeader().length + audioHeader().length + 5 * 128,
    });
    publishSeconds(stream, 0, 1);
    stream.publish('video', 600, videoFrame(false));
    stream.publish('video', 700, videoFrame(false));
    stream.publish('audio', 800, audioFrame());
    expect(drain(subscription).map(short)).toEqual(['vH', 'aH']);
    expect(subscription.droppedTags).toBe(6);
    publishSeconds(stream, 1, 2);
    expect(drain(subscription).map(short)).toEqual(['vK1000', 'v1500', 'a1510']);
    expect(stream.statistics.subscriberDroppedTags).toBe(6);
  });

  it('D5 a reader that reads nothing costs no more than its limit, and does not affect others', () => {
    const stream = newStream();
    const bound = 2_000;
    const slow = stream.subscribe({ maxBytes: bound });
    const fast = stream.subscribe({ maxBytes: 1_000_000 });
    // Each tag counts 128 bytes beside its body.
    const headers = videoHeader().length + videoHeader(SPS_640).length + audioHeader().length + 3 * 128;
    publishSeconds(stream, 0, 1);
    for (let second = 1; second < 500; second += 1) {
      stream.publish('video', second * 1000, videoHeader(second % 2 === 0 ? undefined : SPS_640));
      publishSeconds(stream, second, second + 1);
      expect(slow.queuedBytes).toBeLessThanOrEqual(bound + headers);
    }
    expect(fast.droppedTags).toBe(0);
    expect(drain(fast).filter(({ keyFrame }) => keyFrame)).toHaveLength(500);
    // The slow one continues with a decodable stream: a header, then a key frame.
    const tags = drain(slow);
    expect(tags.find(({ sequenceHeader, kind }) => !sequenceHeader && kind === 'video')?.keyFrame).toBe(true);
  });

  it('D5 a reader that reads nothing keeps a limited number of tags, however small they are', () => {
    const stream = newStream();
    const slow = stream.subscribe({ maxBytes: 4_000 });
    stream.publish('audio', 0, audioHeader());
    for (let time = 0; time < 1_000; time += 1) {
      stream.publish('audio', time, audioFrame(1));
      expect(slow.queuedTags).toBeLessThanOrEqual(4_000 / 128 + 1);
    }
    expect(stream.statistics.gopCacheBytes).toBeGreaterThan(100 * 128);
  });

  it('leaves when closed, and releases its queue', () => {
    const stream = newStream();
    const subscription = stream.subscribe({ maxBytes: 100_000 });
    publishSeconds(stream, 0, 1);
    subscription.close();
    subscription.close();
    publishSeconds(stream, 1, 2);
    expect(subscription.queuedBytes).toBe(0);
    expect(subscription.take()).toBeUndefined();
    expect(stream.statistics.subscribers).toBe(0);
  });

  it('never starts or resumes without a key frame, stays within its limit, and counts exactly, at any reading pace', () => {
    const headers = videoHeader().length + audioHeader().length + 2 * 128;
    const action = fc.oneof(
      fc.record({ frame: fc.constantFrom('key', 'inter', 'inter', 'audio'), size: fc.nat(400) }),
      fc.record({ take: fc.nat(5) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 150 }), fc.integer({ min: 500, max: 4_000 }), (actions, bound) => {
        const stream = newStream(1_000);
        stream.publish('video', 0, videoHeader());
        stream.publish('audio', 0, audioHeader());
        const subscription = stream.subscribe({ maxBytes: bound });
        const published: LiveTag[] = [];
        stream.on({ onTag: (tag) => published.push(tag) });
        const taken: LiveTag[] = [];
        let time = 0;
        for (const step of actions) {
          if ('take' in step) {
            for (let count = 0; count < step.take; count += 1) {
              const tag = subscription.take();
              if (tag !== undefined && !tag.sequenceHeader) taken.push(tag);
            }
          } else {
            time += 10;
            if (step.frame === 'audio') stream.publish('audio', time, audioFrame(step.size));
            else stream.publish('video', time, videoFrame(step.frame === 'key', step.size + 6));
          }
          expect(subscription.queuedBytes).toBeLessThanOrEqual(bound + headers);
        }
        taken.push(...drain(subscription).filter(({ sequenceHeader }) => !sequenceHeader));
        expect(taken.length + subscription.droppedTags).toBe(published.length);
        // After each gap in the published tags, the next video frame is a key frame.
        let expected = 0;
        let resumed = true;
        for (const tag of taken) {
          const index = published.indexOf(tag);
          if (index !== expected) resumed = true;
          if (tag.kind === 'video' && resumed) {
            expect(tag.keyFrame).toBe(true);
            resumed = false;
          }
          expected = index + 1;
        }
      }),
      { numRuns: 400 },
    );
  });
});
