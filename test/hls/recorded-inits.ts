// Init segments of real encoders, for synthetic streams, which cannot make their own.
import type { PeriodPlan } from '../../src/hls/presentation.js';
import { record } from '../support/ladder-recording.js';
import type { SyntheticOptions } from './synthetic-stream.js';

/** One video and one audio rendition, packaged from the publisher's own frames. */
export const SAMPLES_PLAN: PeriodPlan = {
  renditions: [
    { name: 'source', kind: 'video', input: 'samples', frameRate: 25 },
    { name: 'audio', kind: 'audio', input: 'samples' },
  ],
  frameRate: 25,
  cuts: 'key-frames',
};

/** @param rungHeight height of a rung to encode; if undefined, the source is used in its place */
export async function recordInits(rungHeight?: number): Promise<SyntheticOptions['inits']> {
  const rungs = rungHeight === undefined ? [] : [rungHeight];
  const { chunks } = await record({ seconds: 1, gop: 25, bFrames: 0 }, { partFrames: 12, rungs });
  const first = chunks.filter(({ after }) => after === 0).sort((a, b) => a.rendition - b.rendition);
  const [video, rung, audio] = rungHeight === undefined ? [first[0], first[0], first[1]] : first;
  if (video === undefined || rung === undefined || audio === undefined) throw new Error('an init segment is missing');
  return { video: video.bytes, rung: rung.bytes, audio: audio.bytes };
}
