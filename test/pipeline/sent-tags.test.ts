// The tags that are kept for the successor of an FFmpeg that dies: enough to continue from a key frame, and no more.
import { describe, expect, it } from 'vitest';
import type { LiveTag } from '../../src/live/tag.js';
import { SentTags, type SentTagsOptions } from '../../src/pipeline/sent-tags.js';

const GOP = 1_000;

function tag(kind: 'video' | 'audio', dts: number, bytes = 10): LiveTag {
  const body = Buffer.alloc(bytes);
  const keyFrame = kind === 'video' && dts % GOP === 0;
  const codec = kind === 'video' ? 'avc' : 'aac';
  return { kind, dts, compositionTime: 80, keyFrame, sequenceHeader: false, body, data: body, codec, trackId: 0 };
}

/** 10 s of pictures every 40 ms and sound every 20 ms. */
function play(options: Partial<SentTagsOptions>, video = true): SentTags {
  const sent = new SentTags({ video, madeUntil: () => Number.NEGATIVE_INFINITY, maxBytes: 1e9, ...options });
  for (let dts = 0; dts < 10_000; dts += 20) {
    sent.note(tag('audio', dts));
    if (video && dts % 40 === 0) sent.note(tag('video', dts));
  }
  return sent;
}

describe('SentTags', () => {
  it('keeps all tags without output, from the first key frame on', () => {
    const tags = play({}).takeAll();
    expect(tags[0]).toMatchObject({ kind: 'video', dts: 0 });
    // The first audio came before it.
    expect(tags).toHaveLength(250 + 499);
  });

  it('returns them once', () => {
    const sent = play({});
    expect(sent.takeAll()).not.toEqual([]);
    expect(sent.takeAll()).toEqual([]);
  });

  it('begins with the last key frame before the end of the output, and audio that came long before its picture', () => {
    expect(play({ madeUntil: () => 7_579 }).takeAll()[0]).toMatchObject({ kind: 'video', dts: 6_000 });
    expect(play({ madeUntil: () => 7_580 }).takeAll()[0]).toMatchObject({ kind: 'video', dts: 7_000 });
  });

  it('keeps no more bytes than its limit, and nothing that does not begin with a key frame', () => {
    const tags = play({ maxBytes: 2_000 }).takeAll();
    expect(tags[0]).toMatchObject({ kind: 'video', dts: 8_000 });
    expect(tags.at(-1)?.dts).toBe(9_980);
    const tooLong = play({ maxBytes: 200 });
    expect(tooLong.takeAll().reduce((sum, { body }) => sum + body.length, 0)).toBeLessThanOrEqual(200);
  });

  it('keeps audio without output if there is no video, with a little before it', () => {
    const [first] = play({ madeUntil: () => 9_000 }, false).takeAll();
    expect(first?.dts).toBeGreaterThan(8_000);
    expect(first?.dts).toBeLessThanOrEqual(8_420);
  });
});
