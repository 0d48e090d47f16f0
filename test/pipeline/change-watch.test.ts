// Changes of a publisher, tag by tag, and the one frame at which a new period begins.
import { describe, expect, it } from 'vitest';
import type { LiveTag } from '../../src/live/tag.js';
import { ChangeWatch } from '../../src/pipeline/publisher.js';

const EMPTY = Buffer.alloc(0);

function tag(kind: LiveTag['kind'], dts: number, more: Partial<LiveTag> = {}): LiveTag {
  const codec = kind === 'video' ? 'avc' : kind === 'audio' ? 'aac' : undefined;
  const frame = { keyFrame: false, sequenceHeader: false, compositionTime: 0, body: EMPTY, data: EMPTY, trackId: 0 };
  return { kind, dts, codec, ...frame, ...more };
}

const key = (dts: number) => tag('video', dts, { keyFrame: true });
const header = (kind: LiveTag['kind'], changed: boolean) => tag(kind, 0, { sequenceHeader: true, changed });

describe('ChangeWatch', () => {
  it('A7.01 lets all tags pass while nothing changes', () => {
    const watch = new ChangeWatch(true);
    expect(watch.note(header('video', false))).toBe('left-out');
    expect(watch.note(tag('script', 0))).toBe('left-out');
    expect([key(0), tag('audio', 1), tag('video', 40), key(80)].map((each) => watch.note(each))).toEqual(
      Array.from({ length: 4 }, () => 'goes-on'),
    );
  });

  it('A7.02 begins one new period, at the key frame, for parameters of both tracks that change together', () => {
    const watch = new ChangeWatch(true);
    watch.note(header('video', true));
    expect(watch.note(tag('audio', 10))).toBe('goes-on');
    watch.note(header('audio', true));
    expect(watch.note(tag('audio', 30))).toBe('left-out');
    expect(watch.note(tag('video', 40))).toBe('left-out');
    expect(watch.note(key(80))).toBe('starts-period');
    expect(watch.note(tag('audio', 81))).toBe('goes-on');
    expect(watch.note(key(120))).toBe('goes-on');
  });

  it('A7.13 begins a new period at the next key frame after a jump of the clock, and drops nothing before it', () => {
    const watch = new ChangeWatch(true);
    expect(watch.note(tag('audio', 10, { discontinuity: true }))).toBe('goes-on');
    expect(watch.note(tag('video', 20))).toBe('goes-on');
    expect(watch.note(key(40))).toBe('starts-period');
  });

  it('waits for pictures when they appear, but not when they have gone', () => {
    const watch = new ChangeWatch(false);
    watch.noteTracks(true);
    expect(watch.note(tag('audio', 10))).toBe('goes-on');
    expect(watch.note(key(20))).toBe('starts-period');
    watch.noteTracks(false);
    expect(watch.note(tag('audio', 30))).toBe('starts-period');
  });

  it('begins a new period without a key frame when none comes for 10 s', () => {
    const watch = new ChangeWatch(true);
    watch.note(header('video', true));
    expect(watch.note(tag('audio', 0))).toBe('goes-on');
    expect(watch.note(tag('audio', 10_000))).toBe('goes-on');
    expect(watch.note(tag('audio', 10_001))).toBe('starts-period');
  });
});
