// A pipeline with real tags, real FFmpeg and the real HLS module. The test reads its log and controls its clock.

import { onTestFinished } from 'vitest';
import type { Logger } from '../../src/contracts/logger.js';
import { Origin } from '../../src/hls/origin/origin.js';
import { StreamRegistry } from '../../src/live/registry.js';
import type { LiveStream } from '../../src/live/stream.js';
import { PipelineDirectory } from '../../src/pipeline/pipeline-directory.js';
import { StreamPipeline, type StreamPipelineOptions } from '../../src/pipeline/stream-pipeline.js';
import type { SluiceError } from '../../src/protocols/errors.js';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { ManualClock } from '../support/manual-clock.js';
import { type ParsedPlaylist, parsePlaylist } from '../support/playlist-checker.js';

/** The capabilities of the tests' FFmpeg. */
const MODERN = { versionText: '7.0', enhancedRtmp: true, enhancedRtmpAudio: false };

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** The dependencies that all pipelines of one gateway share. */
export function makeSharedParts() {
  const clock = new ManualClock();
  const origin = new Origin({ clock, onGone: () => directory.forgetGone() });
  const directory = new PipelineDirectory(origin);
  return { clock, origin, directory, registry: new StreamRegistry({}) };
}

/** A capacity that never refuses. */
const ROOM_FOR_ALL = {
  admit: () => ({ admitted: true, release: () => undefined }) as const,
  noteShed: () => undefined,
};

export interface SetUpOptions extends Partial<Omit<StreamPipelineOptions, 'ffmpeg'>> {
  readonly ffmpeg?: string | undefined;
  readonly onLog?: (line: LogLine, clock: ManualClock) => void;
  readonly tested?: ReturnType<typeof makeSharedParts>;
}

/** Advances the clock by the time that the supervisor waits before it starts the next FFmpeg. */
export function restartAtOnce({ fields }: LogLine, clock: ManualClock): void {
  const { restartIn } = fields;
  if (typeof restartIn === 'number') setImmediate(() => clock.advance(restartIn + 1));
}

/** A pipeline whose publisher is the test. Without the option `ffmpeg` it has none. */
export function setUp(options: SetUpOptions = {}) {
  const { ffmpeg, onLog = () => undefined, tested = makeSharedParts(), ...others } = options;
  const { clock, origin, registry } = tested;
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
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const failures: SluiceError[] = [];
  let fail: (error: SluiceError) => void = () => undefined;
  const failed = new Promise<SluiceError>((resolve) => {
    fail = resolve;
  });
  const pipeline = new StreamPipeline({
    app: 'live',
    name: 'test',
    origin,
    ffmpeg: ffmpeg === undefined ? undefined : { path: ffmpeg, ...MODERN },
    ladder: ['source'],
    partDuration: 0.5,
    segmentDuration: 2,
    resumeWindow: 0,
    maxGop: 10,
    shedsOnOverload: true,
    capacity: ROOM_FOR_ALL,
    predecessor: undefined,
    presentation: () => ({ windowSegments: 6, firstMediaSequence: 1 }),
    logger,
    clock,
    onFailed: (_stream, error) => {
      failures.push(error);
      fail(error);
    },
    onBroken: (error) => failures.push(error),
    onEnded: () => undefined,
    onNews: () => undefined,
    onClosed: () => tested.directory.forgetGone(),
    ...others,
  });
  onTestFinished(() => pipeline.end());
  /** Attaches a publisher as the gateway does. */
  const attach = (): LiveStream => {
    const timelineOrigin = pipeline.resumeTime;
    const stream = registry.claim('live', 'test', { ...(timelineOrigin !== undefined && { timelineOrigin }) });
    pipeline.attach(stream);
    return stream;
  };
  const stream = attach();
  const publish = (tags: readonly FlvTag[], to = stream): void => {
    for (const { type, timestamp, body } of tags) to.publish(type, timestamp, body);
  };
  /** Resolves when a line was logged `count` times. */
  const seen = (message: string, count = 1): Promise<void> =>
    logged(message) >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ message, count, resolve }));
  const playlist = (rendition: string): ParsedPlaylist =>
    parsePlaylist(pipeline.presentation?.rendition(rendition)?.playlistBody().toString() ?? '');
  return { ...tested, pipeline, stream, attach, lines, failures, failed, publish, seen, playlist };
}
