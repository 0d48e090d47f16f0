// A pipeline with real tags, real FFmpeg and the real HLS room around it, its log kept and its clock in the test's hand.
import { onTestFinished } from 'vitest';
import { Origin } from '../../src/hls/origin.js';
import { StreamRegistry } from '../../src/live/registry.js';
import { type PipelineLogger, StreamPipeline } from '../../src/pipeline/stream-pipeline.js';
import type { SluiceError } from '../../src/protocols/errors.js';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { ManualClock } from '../support/manual-clock.js';

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** What the pipelines of one gateway share. */
export function makeHouse() {
  const clock = new ManualClock();
  return { clock, origin: new Origin({ clock }), registry: new StreamRegistry({}) };
}

/** A pipeline whose publisher is the test. */
export function setUp(
  ffmpeg: string,
  onLog: (line: LogLine, clock: ManualClock) => void = () => undefined,
  { clock, origin, registry } = makeHouse(),
) {
  const lines: LogLine[] = [];
  const waiting: { readonly message: string; readonly count: number; readonly resolve: () => void }[] = [];
  const logged = (message: string): number => lines.filter((line) => line.message === message).length;
  const at =
    (level: string) =>
    (fields: object, message: string): void => {
      const line = { level, fields: fields as LogLine['fields'], message };
      lines.push(line);
      for (const waiter of waiting) if (logged(waiter.message) >= waiter.count) waiter.resolve();
      onLog(line, clock);
    };
  const logger: PipelineLogger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const stream = registry.claim('live', 'test');
  const failures: SluiceError[] = [];
  let fail: (error: SluiceError) => void = () => undefined;
  const failed = new Promise<SluiceError>((resolve) => {
    fail = resolve;
  });
  const pipeline = new StreamPipeline({
    stream,
    origin,
    ffmpeg: { path: ffmpeg },
    ladder: ['source'],
    partDuration: 0.5,
    predecessor: undefined,
    presentation: () => ({ segmentDuration: 2, windowSegments: 6, firstMediaSequence: 1 }),
    logger,
    clock,
    onFailed: (error) => {
      failures.push(error);
      fail(error);
    },
    onEnded: () => undefined,
  });
  onTestFinished(() => pipeline.end());
  const publish = (tags: readonly FlvTag[]): void => {
    for (const { type, timestamp, body } of tags) stream.publish(type, timestamp, body);
  };
  /** Resolves when a line was logged `count` times. */
  const seen = (message: string, count = 1): Promise<void> =>
    logged(message) >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ message, count, resolve }));
  return { pipeline, stream, clock, lines, failures, failed, publish, seen };
}
