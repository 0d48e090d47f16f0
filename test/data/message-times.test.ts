// The picture that a data message belongs to, for every order in which messages and pictures can arrive.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageTimes } from '../../src/data/message-times.js';

/** Decode times 40 ms apart; key frames are shown 80 ms after they are decoded, pictures between them as B-frames reorder them. */
const DELAYS = [80, 160, 40, 0, 120, 80, 40, 0];
const PICTURES = DELAYS.map((compositionTime, index) => ({
  dts: 1_000 + index * 40,
  compositionTime,
  keyFrame: index === 0,
}));

function shown(actions: (times: MessageTimes<string>) => void): [string, number][] {
  const emitted: [string, number][] = [];
  actions(new MessageTimes((message, time) => emitted.push([message, time])));
  return emitted;
}

describe('the time of a data message', () => {
  it.each([
    ['before', 0],
    ['after', 1],
  ])('is that of the picture with its timestamp if it is sent %s the picture', (_, after) => {
    for (const [index, { dts, compositionTime }] of PICTURES.entries()) {
      const emitted = shown((times) => {
        for (const picture of PICTURES.slice(0, index + after)) times.picture(picture);
        times.message('cue', dts);
        for (const picture of PICTURES.slice(index + after)) times.picture(picture);
      });
      // Before the first picture nobody knows whether pictures will come.
      if (index + after > 0) expect(emitted).toEqual([['cue', dts + compositionTime]]);
      else expect(emitted).toEqual([['cue', dts]]);
    }
  });

  it('is delayed like a key frame if no picture has its timestamp', () => {
    const emitted = shown((times) => {
      times.picture({ dts: 1_000, compositionTime: 80, keyFrame: true });
      times.message('between', 1_020);
      times.picture({ dts: 1_040, compositionTime: 0, keyFrame: false });
      times.message('late', 1_010);
    });
    expect(emitted).toEqual([
      ['between', 1_100],
      ['late', 1_090],
    ]);
  });

  it('is given when the publisher leaves, if no picture has come', () => {
    const emitted = shown((times) => {
      times.picture({ dts: 1_000, compositionTime: 80, keyFrame: true });
      times.message('the end', 1_040);
      times.end();
    });
    expect(emitted).toEqual([['the end', 1_120]]);
  });

  it('is its own without pictures', () => {
    expect(shown((times) => times.message('cue', 5_000))).toEqual([['cue', 5_000]]);
  });

  it('does not wait for pictures that have stopped', () => {
    const emitted = shown((times) => {
      times.picture({ dts: 1_000, compositionTime: 0, keyFrame: true });
      times.message('cue', 1_040);
      times.sound(1_500);
      expect(times).toBeDefined();
      times.sound(1_560);
    });
    expect(emitted).toEqual([['cue', 1_040]]);
  });

  it('is given exactly once, and at most 256 messages wait, whatever comes', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('message' as const), dts: fc.integer({ min: 0, max: 4_000 }) }),
      fc.record({ kind: fc.constant('picture' as const), dts: fc.integer({ min: 0, max: 4_000 }) }),
      fc.record({ kind: fc.constant('sound' as const), dts: fc.integer({ min: 0, max: 4_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        let sent = 0;
        const emitted = new Set<number>();
        const times = new MessageTimes<number>((message) => {
          expect(emitted.has(message)).toBe(false);
          emitted.add(message);
        });
        for (const { kind, dts } of steps) {
          if (kind === 'message') times.message(sent++, dts);
          else if (kind === 'picture') times.picture({ dts, compositionTime: 40, keyFrame: false });
          else times.sound(dts);
          expect(sent - emitted.size).toBeLessThanOrEqual(256);
        }
        times.picture({ dts: 10_000, compositionTime: 0, keyFrame: true });
        expect(emitted.size).toBe(sent);
      }),
    );
  });
});
