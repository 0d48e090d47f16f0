// Faults of a publisher that are found only when its media is served: they are counted, and reported once with the setting to change.
import { expect, it } from 'vitest';
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { AmfEcmaArray } from '../../src/protocols/amf/values.js';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';
import { setUp } from './pipeline-under-test.js';

type PipelineUnderTest = ReturnType<typeof setUp>;

/** Sends at once, with a test clock that follows the timestamps. */
function send(
  { clock }: PipelineUnderTest,
  stream: PipelineUnderTest['stream'],
  source: FlvSource,
  isSent: (tag: FlvTag) => boolean,
): void {
  stream.publish('video', 0, source.videoHeader);
  if (source.audioHeader.length > 0) stream.publish('audio', 0, source.audioHeader);
  let before: number | undefined;
  for (const tag of source.media.filter(isSent)) {
    clock.advance(Math.max(0, tag.timestamp - (before ?? tag.timestamp)));
    stream.publish(tag.type, tag.timestamp, tag.body);
    before = tag.timestamp;
  }
}

/** Two pauses in this time. */
const pauses = ({ timestamp }: FlvTag): boolean =>
  (timestamp > 5_000 && timestamp < 9_000) || (timestamp > 13_000 && timestamp < 17_000);

it.each([
  { type: 'audio', kind: 'sound-paused', code: 'hls.sound-paused', says: /silence replaces it: .*of the encoder/ },
  { type: 'video', kind: 'pictures-paused', code: 'hls.pictures-paused', says: /is listed as a gap: .*of the encoder/ },
] as const)('says once for each publisher that $kind, and counts it', async ({ type, kind, code, says }) => {
  const source = await makeFlvSource({ seconds: 22, gop: 25, size: '160x90' });
  const tested = setUp({ resumeWindow: 30 });
  const { pipeline, stream, lines, seen, attach } = tested;
  const isSent = (tag: FlvTag): boolean => tag.type !== type || !pauses(tag);
  send(tested, stream, source, isSent);
  await seen('stream started');
  expect(pipeline.shortcomings.filter((sentence) => says.test(sentence))).toHaveLength(1);
  expect(stream.statistics.repairs.get(kind)).toBeGreaterThan(1);
  stream.end();
  await seen('publisher gone, waiting for it to return');
  const next = attach();
  send(tested, next, source, isSent);
  await seen('stream resumed');
  expect(pipeline.shortcomings.filter((sentence) => says.test(sentence))).toHaveLength(1);
  await pipeline.end();
  const told = lines.filter(({ fields }) => fields.code === code);
  expect(told.map(({ message }) => message)).toEqual(Array(2).fill(expect.stringMatching(says)));
});

it('reports once that key frames are rare, however many segments begin without one', async () => {
  const source = await makeFlvSource({ seconds: 16, gop: 1000, size: '160x90' });
  const tested = setUp({ maxGop: 3 });
  send(tested, tested.stream, source, () => true);
  await tested.seen('stream started');
  await tested.pipeline.end();
  const { repairs } = tested.stream.statistics;
  expect(repairs.get('rare-key-frames')).toBe(1);
  expect(repairs.get('forced-cuts')).toBeGreaterThan(2);
  const told = tested.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
  expect(told).toEqual(Array(2).fill(expect.stringContaining('keyframe interval of the encoder')));
  expect(tested.pipeline.shortcomings).toEqual(told);
});

it.each([
  { metadata: undefined, from: 'headers' },
  { metadata: 60, from: 'headers and metadata' },
])('believes the pictures and not the $from about the frame rate, with sound beside them', async ({ metadata }) => {
  const videoOptions = ['-bsf:v', 'h264_metadata=tick_rate=120'];
  const source = await makeFlvSource({ rate: '20', seconds: 6, gop: 20, size: '160x90', videoOptions });
  expect(source.description.video?.frameRate).toBe(60);
  const tested = setUp();
  if (metadata !== undefined) {
    tested.stream.publish('script', 0, encodeAmf0(['onMetaData', new AmfEcmaArray([['framerate', metadata]])]));
  }
  send(tested, tested.stream, source, () => true);
  await tested.seen('stream started');
  expect(tested.pipeline.source?.video?.frameRate).toBe(20);
  expect(tested.pipeline.presentation?.multivariantBody().toString()).toContain('FRAME-RATE=20.000');
});
