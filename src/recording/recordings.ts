// The entry point of this folder: starts and stops recordings of streams, finds and changes finished ones, and removes expired ones.

import type { RecordingListQuery } from '../contracts/recordings.js';
import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import { FailureDomain } from '../protocols/failure-domain.js';
import type { EpochMilliseconds } from '../protocols/units.js';
import { Catalogue, type CatalogueEntry, type RecordingPage } from './catalogue.js';
import { Clips } from './clips.js';
import { EarlierRecordings } from './earlier-recordings.js';
import { FinishedRecordings } from './finished-recordings.js';
import type { ClipRequest } from './make-clip.js';
import { directoryOf } from './record-path.js';
import type { RecordedStream } from './recorded-stream.js';
import { Recorder } from './recorder.js';
import { isOpen, type RecordingFacts } from './recording-facts.js';
import { newRecordingId } from './recording-id.js';
import type { RecordingsOptions, StartRecording } from './recordings-options.js';
import { RetentionRounds } from './retention-rounds.js';
import { isSplitDue } from './split.js';

export type { RecordingNews, RecordingsOptions, StartRecording } from './recordings-options.js';

interface RunningRecorder {
  readonly recorder: Recorder;
  readonly how: StartRecording;
  readonly began: EpochMilliseconds;
  /** Counts from 1 while it is continued in new ones. */
  readonly part: number;
}

export class Recordings {
  readonly #options: RecordingsOptions;
  readonly #catalogue: Catalogue;
  readonly #domain: FailureDomain;
  readonly #clock: Clock;
  /** The recorder of each stream that is being recorded, and how it was started. */
  readonly #recorders = new Map<RecordedStream, RunningRecorder>();
  /** Recorders that have been stopped but are still writing. */
  readonly #finishing = new Set<Recorder>();
  /** Recorders that could not write the end of their recording. Each round of retention tries it again. */
  readonly #unfinished = new Set<Recorder>();
  #lastStart: EpochMilliseconds = 0;
  readonly #kept: FinishedRecordings;
  readonly #retention: RetentionRounds;
  readonly #clips: Clips;
  readonly #earlier: EarlierRecordings;
  #closed = false;

  constructor(options: RecordingsOptions) {
    this.#options = options;
    const { logger, clock } = options;
    this.#catalogue = options.catalogue ?? new Catalogue();
    this.#kept = new FinishedRecordings(options, this.#catalogue, (id) => this.seek(id));
    this.#domain = new FailureDomain('recordings', ({ where, cause }) =>
      logger.error({ where, err: cause }, 'internal error: recordings may be incomplete'),
    );
    this.#clock = this.#domain.clock(clock);
    const { root, keepFree, freeBytes } = options;
    this.#retention = new RetentionRounds({
      ...{ rules: options, catalogue: this.#catalogue, root, keepFree, freeBytes, logger },
      ...{ clock: this.#clock, domain: this.#domain, remove: (id) => this.#kept.expire(id) },
      finishLeft: () => this.#finishLeft(),
    });
    this.#earlier = new EarlierRecordings({
      ...{ root, catalogue: this.#catalogue, clock: this.#clock, domain: this.#domain, logger },
      onComplete: () => this.#retention.start(),
    });
    this.#clips = new Clips({ root, catalogue: this.#catalogue, template: options.path, newId: () => this.#newId() });
  }

  /** Reads the existing recordings; if they are many, reading goes on in the background. @throws the system error if the directory cannot be read */
  async open(): Promise<void> {
    await this.#earlier.open();
  }

  /** Whether some of the existing recordings are not listed yet. */
  get isReading(): boolean {
    return this.#earlier.isReading;
  }

  /** Recordings, the newest first. */
  list(query: RecordingListQuery): RecordingPage {
    this.#earlier.add();
    return this.#catalogue.list(query);
  }

  /** Among those that are listed. */
  find(id: string): CatalogueEntry | undefined {
    return this.#catalogue.get(id);
  }

  /** Also finds recordings that are not listed yet. */
  async seek(id: string): Promise<CatalogueEntry | undefined> {
    await this.#earlier.one(id);
    return this.#catalogue.get(id);
  }

  /** Figures of those that are listed. */
  get figures(): Pick<Catalogue, 'bounds' | 'totals'> {
    return this.#catalogue;
  }

  /** The recording in progress of this stream. */
  of(app: string, name: string): RecordingFacts | undefined {
    // The newest: the end of an older one may still be unwritten.
    return this.#catalogue.open.findLast(({ facts }) => facts.app === app && facts.name === name)?.facts;
  }

  /** Starts recording at the next segment. Does nothing if the stream is being recorded. */
  start(stream: RecordedStream, how: StartRecording): RecordingFacts {
    const running = this.#recorders.get(stream);
    if (running !== undefined) return running.recorder.facts;
    return this.#record(stream, how, stream.nextNumber).facts;
  }

  /** Stops after the current segment. @returns undefined if the stream is not being recorded */
  stop(stream: RecordedStream): RecordingFacts | undefined {
    const running = this.#recorders.get(stream);
    if (running === undefined) return undefined;
    this.#recorders.delete(stream);
    this.#finishInBackground(running.recorder, () => running.recorder.stop());
    return running.recorder.facts;
  }

  /** @throws {SluiceError} `recording.no-such-recording`; the system error if it cannot be written */
  async change(id: string, change: { readonly title?: string; readonly pinned?: boolean }): Promise<RecordingFacts> {
    const recorder = this.#recorderOf(id);
    if (recorder !== undefined) {
      await recorder.change(change);
      return recorder.facts;
    }
    return this.#kept.change(id, change);
  }

  /** @throws {SluiceError} `recording.no-such-recording`, and what `Clips` throws */
  async clip(id: string, clip: ClipRequest): Promise<RecordingFacts> {
    return this.#clipped(await this.#clips.ofRecording(await this.#kept.existing(id), clip));
  }

  /** @param most bytes that the clips of all viewers may have. @throws like `clip` */
  async clipForViewer(id: string, clip: Omit<ClipRequest, 'by'>, most: number): Promise<RecordingFacts> {
    // The clips that there are count.
    await this.#earlier.all();
    return this.#clipped(await this.#clips.forViewer(await this.#kept.existing(id), clip, most));
  }

  /** Makes a clip from the segments that the stream still has, or from its recording if that reaches further back. @throws what `Clips` throws */
  async clipStream(stream: RecordedStream, clip: ClipRequest): Promise<RecordingFacts> {
    const recording = this.#recorders.get(stream)?.recorder;
    const entry = recording && this.#catalogue.get(recording.facts.id);
    const oldest = Math.min(...stream.available().map(({ segments }) => segments[0]?.programDateTime ?? Infinity));
    const isLonger = entry !== undefined && entry.facts.bytes > 0 && entry.facts.start < oldest;
    return this.#clipped(await (isLonger ? this.#clips.ofRecording(entry, clip) : this.#clips.ofStream(stream, clip)));
  }

  /** @throws {SluiceError} `recording.no-such-recording`, `recording.being-made`; the system error if it cannot be removed */
  remove(id: string): Promise<void> {
    return this.#kept.remove(id);
  }

  /** Finishes all recordings. Recordings of streams that have not ended are cut off. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { recorder } of this.#recorders.values()) this.#finishInBackground(recorder, () => recorder.end());
    this.#recorders.clear();
    await Promise.all([...this.#finishing].map(({ done }) => done));
    await this.#earlier.close();
    await this.#retention.close();
    this.#domain.close();
  }

  async #finishLeft(): Promise<void> {
    for (const recorder of this.#unfinished) {
      if (await recorder.finishAgain()) this.#unfinished.delete(recorder);
    }
  }

  #recorderOf(id: string): Recorder | undefined {
    const running = [...this.#recorders.values()].map(({ recorder }) => recorder);
    const all = [...running, ...this.#finishing, ...this.#unfinished];
    return all.find((recorder) => recorder.facts.id === id && isOpen(recorder.facts));
  }

  #clipped(entry: CatalogueEntry): RecordingFacts {
    const { facts } = entry;
    const { id: recording, app, name, duration, clip } = facts;
    this.#options.logger.info({ app, stream: name, recording, of: clip?.of, duration }, 'clip made');
    this.#options.onEvent({ type: 'recording.clipped', recording: facts });
    return facts;
  }

  /** Later recordings have greater ids, also in the same millisecond and after the clock was set back. */
  #newId(): { readonly id: string; readonly time: EpochMilliseconds } {
    this.#lastStart = Math.max(this.#options.clock.wallClock(), this.#lastStart + 1);
    return { id: newRecordingId(this.#lastStart), time: this.#lastStart };
  }

  #record(stream: RecordedStream, how: StartRecording, first: number, part = 1): Recorder {
    const { root, path, keepFree, freeBytes } = this.#options;
    const { app, name } = stream;
    const { id, time: began } = this.#newId();
    const directory = directoryOf(root, path, { app, name, id, start: began, part });
    const recorder: Recorder = new Recorder({
      ...{ stream, directory, id, first, keepFree, freeBytes, ...how },
      turns: this.#kept.turnsOf(id),
      clock: this.#clock,
      domain: this.#domain,
      onChange: (facts) => this.#changed(stream, recorder, { facts, directory }),
      onEmpty: () => this.#kept.removeEmpty({ facts: recorder.facts, directory }),
      onPaused: (error) => this.#paused(recorder, error),
    });
    this.#recorders.set(stream, { recorder, how, began, part });
    this.#catalogue.set({ facts: recorder.facts, directory });
    this.#options.logger.info({ app, stream: name, recording: id }, 'recording started');
    this.#options.onEvent({ type: 'recording.started', recording: recorder.facts });
    // The stream may end without a call of `stop`.
    this.#domain.run('end of a recording', async () => {
      await recorder.done;
      if (this.#recorders.get(stream)?.recorder === recorder) this.#recorders.delete(stream);
      if (!recorder.isSettled) this.#unfinished.add(recorder);
    });
    return recorder;
  }

  #changed(stream: RecordedStream, recorder: Recorder, entry: CatalogueEntry): void {
    const { facts } = entry;
    const before = this.#catalogue.get(facts.id);
    this.#catalogue.set(entry);
    if (!isOpen(facts)) {
      // A change of the title of a finished recording also comes here.
      if (before !== undefined && !isOpen(before.facts)) return;
      const { id, app, name, duration, bytes } = facts;
      this.#options.logger.info({ app, stream: name, recording: id, duration, bytes }, 'recording finished');
      this.#options.onEvent({ type: 'recording.finished', recording: facts });
      this.#retention.now();
      return;
    }
    const running = this.#recorders.get(stream);
    const { split } = this.#options;
    if (running?.recorder !== recorder || split === undefined || this.#closed || stream.ended) return;
    if (!isSplitDue(split, facts, running.began, this.#clock.wallClock())) return;
    const until = stream.nextNumber;
    this.#finishInBackground(recorder, () => recorder.stop(until));
    this.#record(stream, running.how, until, running.part + 1);
  }

  #finishInBackground(recorder: Recorder, finish: () => Promise<void>): void {
    this.#finishing.add(recorder);
    this.#domain.run('finishing a recording', async () => {
      await finish();
      this.#finishing.delete(recorder);
    });
  }

  #paused(recorder: Recorder, error: SluiceError | undefined): void {
    const { id, app, name } = recorder.facts;
    const fields = { app, stream: name, recording: id };
    if (error === undefined) this.#options.logger.info(fields, 'the recording goes on');
    else this.#options.logger.warn({ ...fields, code: error.code, err: error.cause }, error.message);
    this.#options.onEvent({
      type: error === undefined ? 'recording.resumed' : 'recording.paused',
      recording: recorder.facts,
    });
    if (error !== undefined) this.#retention.now();
  }
}
