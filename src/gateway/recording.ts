// Recordings of a gateway: what the configuration asks for, and what programs and operators start and stop.

import { mkdir } from 'node:fs/promises';
import type { Logger } from 'pino';
import { NO_MEDIA_DIRECTORY } from '../config/options/places.js';
import type { Config } from '../config/schema.js';
import type { GrantOptions } from '../contracts/grant.js';
import type {
  NewClip,
  NewRecording,
  RecordingControl,
  RecordingListQuery,
  RecordingMovie,
  StoredRecording,
} from '../contracts/recordings.js';
import type { RecordingEvent } from '../events/gateway-event.js';
import type { Presentation } from '../hls/presentation.js';
import type { Clock } from '../protocols/clock.js';
import { matchesGlob } from '../protocols/glob.js';
import { systemReason } from '../protocols/system-error.js';
import type { RecordingBucket } from '../recording/bucket/recording-bucket.js';
import { Catalogue } from '../recording/catalogue.js';
import { recordingError } from '../recording/errors.js';
import { freeBytes } from '../recording/files.js';
import { Movies } from '../recording/movies.js';
import type { RecordedRendition } from '../recording/recorded-stream.js';
import type { RecordingFacts } from '../recording/recording-facts.js';
import { type RecordingNews, Recordings } from '../recording/recordings.js';
import { type SplitRules, scheduleOf } from '../recording/split.js';
import { openBucket } from './bucket.js';
import { RecordedPresentation } from './recorded-presentation.js';

export interface RecordingOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** `source,720p`, `all`. */
type RenditionNames = string;

export class StreamRecording implements RecordingControl {
  readonly #recordings: Recordings;
  readonly #movies = new Movies();
  readonly #clock: Clock;
  readonly #config: Config;
  readonly #streams = new Map<Presentation, RecordedPresentation>();
  readonly #bucket: RecordingBucket | undefined;
  #onNews: (news: RecordingNews) => void = () => undefined;

  private constructor({ config, logger, clock }: RecordingOptions, bucket: RecordingBucket | undefined) {
    this.#clock = clock;
    this.#config = config;
    this.#bucket = bucket;
    const { keepFor, keepBytes, keepStreamBytes, keepCount, keepFree, recordDir } = config;
    this.#recordings = new Recordings({
      root: recordDir,
      path: config.recordPath,
      keepFor: keepFor === 'forever' ? undefined : secondsOf(keepFor),
      keepBytes: keepBytes === 'any' ? undefined : bytesOf(keepBytes),
      keepStreamBytes: keepStreamBytes === 'any' ? undefined : bytesOf(keepStreamBytes),
      keepCount: keepCount === 0 ? undefined : keepCount,
      keepFree: keepFree === '0' ? 0 : bytesOf(keepFree),
      freeBytes,
      split: splitOf(config.recordSplit),
      clock,
      logger: logger.child({ module: 'recording' }),
      onEvent: (news) => {
        if (news.type === 'recording.removed') bucket?.removeGone();
        this.#onNews(news);
      },
      catalogue: new Catalogue(bucket?.follower),
    });
  }

  /**
   * Reads what was recorded before.
   * @throws {SluiceError} `recording.directory`, `recording.bucket`
   */
  static async open(options: RecordingOptions): Promise<StreamRecording> {
    const { recordDir, record } = options.config;
    const recording = new StreamRecording(options, await openBucket(options));
    try {
      // Otherwise it is made by the first recording.
      if (record !== 'off') await mkdir(recordDir, { recursive: true });
      await recording.#recordings.open();
      recording.#bucket?.removeGone();
    } catch (error) {
      const message = `cannot use recordDir ${recordDir} (${systemReason(error)})`;
      throw recordingError('recording.directory', message, { cause: error });
    }
    return recording;
  }

  /** @param emit called with each event of a recording; must not throw */
  report(emit: (event: RecordingEvent) => void): void {
    this.#onNews = ({ type, recording: { id: recording, app, name } }) =>
      emit({ type, app, name, recording, time: this.#clock.wallClock() });
  }

  /** A stream begins: it is recorded if its publisher's grant says so, or else the configuration. */
  presented(presentation: Presentation, settings: GrantOptions = {}): void {
    const { record, recordStreams, mediaDir } = this.#config;
    const stream = new RecordedPresentation(presentation, mediaDir === NO_MEDIA_DIRECTORY ? undefined : mediaDir);
    this.#streams.set(presentation, stream);
    presentation.onEnd(() => this.#streams.delete(presentation));
    this.#bucket?.follow(stream);
    const full = `${presentation.app}/${presentation.name}`;
    const isConfigured = record !== 'off' && recordStreams.some((pattern) => isNamed(pattern, full));
    if (settings.record ?? isConfigured) this.#start(stream, { title: settings.title });
  }

  /** A publisher has returned. Without a word about recording in its grant, whatever is being done goes on. */
  resumed(app: string, name: string, { record, title }: GrantOptions): void {
    if (record === undefined) return;
    const stream = this.#live(app, name);
    if (stream === undefined) return;
    if (record) this.#start(stream, { title });
    else this.#recordings.stop(stream);
  }

  /**
   * Starts recording a stream that is live; does nothing if it is being recorded.
   * @throws {SluiceError} `recording.no-such-stream`
   */
  start(app: string, name: string, options: NewRecording = {}): RecordingFacts {
    return this.#start(this.#find(app, name), options);
  }

  /**
   * Stops after the segment that is being made.
   * @returns undefined if the stream is not being recorded
   * @throws {SluiceError} `recording.no-such-stream`
   */
  stop(app: string, name: string): RecordingFacts | undefined {
    return this.#recordings.stop(this.#find(app, name));
  }

  list(query: RecordingListQuery): ReturnType<RecordingControl['list']> {
    return this.#recordings.list(query);
  }

  of(app: string, name: string): RecordingFacts | undefined {
    return this.#recordings.of(app, name);
  }

  find(id: string): StoredRecording | undefined {
    return this.#recordings.find(id);
  }

  seek(id: string): Promise<StoredRecording | undefined> {
    return this.#recordings.seek(id);
  }

  get isReading(): boolean {
    return this.#recordings.isReading;
  }

  async movie(id: string, rendition?: string): Promise<RecordingMovie> {
    const entry = await this.#recordings.seek(id);
    if (entry === undefined) throw recordingError('recording.no-such-recording', `there is no recording ${id}`);
    return this.#movies.get(entry, rendition);
  }

  bounds(query: Pick<RecordingListQuery, 'app' | 'name'>): ReturnType<RecordingControl['bounds']> {
    return this.#recordings.figures.bounds(query);
  }

  totals(): ReturnType<RecordingControl['totals']> {
    return this.#recordings.figures.totals();
  }

  change(id: string, change: { readonly title?: string; readonly pinned?: boolean }): Promise<RecordingFacts> {
    return this.#recordings.change(id, change);
  }

  clip(id: string, clip: NewClip): Promise<RecordingFacts> {
    return this.#recordings.clip(id, { ...clip, by: 'operator' });
  }

  get viewersMayClip(): boolean {
    return this.#config.viewerClips !== 'off';
  }

  async clipForViewer(id: string, clip: NewClip): Promise<RecordingFacts> {
    const { viewerClips } = this.#config;
    return this.#recordings.clipForViewer(id, clip, viewerClips === 'off' ? 0 : bytesOf(viewerClips));
  }

  async clipStream(app: string, name: string, clip: NewClip): Promise<RecordingFacts> {
    return this.#recordings.clipStream(this.#find(app, name), { ...clip, by: 'operator' });
  }

  remove(id: string): Promise<void> {
    return this.#recordings.remove(id);
  }

  bucket(): ReturnType<RecordingControl['bucket']> {
    return this.#bucket?.figures();
  }

  uploadOf(id: string): ReturnType<RecordingControl['uploadOf']> {
    return this.#bucket?.stateOf(id);
  }

  async close(): Promise<void> {
    await this.#recordings.close();
    await this.#bucket?.close();
  }

  #start(stream: RecordedPresentation, { renditions, title }: NewRecording): RecordingFacts {
    const { record } = this.#config;
    return this.#recordings.start(stream, {
      takes: takes(renditions ?? (record === 'off' ? 'source' : record)),
      title,
    });
  }

  #find(app: string, name: string): RecordedPresentation {
    const stream = this.#live(app, name);
    if (stream === undefined) throw recordingError('recording.no-such-stream', `no stream ${app}/${name} is live`);
    return stream;
  }

  #live(app: string, name: string): RecordedPresentation | undefined {
    for (const stream of this.#streams.values()) if (stream.app === app && stream.name === name) return stream;
    return undefined;
  }
}

function takes(renditions: RenditionNames): (rendition: RecordedRendition) => boolean {
  if (renditions === 'all') return () => true;
  const names = new Set([...renditions.split(','), 'audio']);
  return ({ name }) => names.has(name);
}

/** `*` stands for any characters but `/`, and at the start, before `/`, also for an application of several parts. */
function isNamed(pattern: string, full: string): boolean {
  if (!pattern.startsWith('*/')) return matchesGlob(pattern, full);
  return matchesGlob(pattern, full.split('/').slice(-pattern.split('/').length).join('/'));
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const BYTES: Readonly<Record<string, number>> = { MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };

function secondsOf(text: string): number {
  return Number.parseInt(text, 10) * (SECONDS[text.slice(-1)] ?? 1);
}

function bytesOf(text: string): number {
  return Number.parseInt(text, 10) * (BYTES[text.slice(-2)] ?? 1);
}

function splitOf(text: string): SplitRules | undefined {
  if (text === 'publish') return undefined;
  if (text.includes(' ')) return { next: scheduleOf(text) };
  return text.endsWith('B') ? { bytes: bytesOf(text) } : { duration: secondsOf(text) };
}
