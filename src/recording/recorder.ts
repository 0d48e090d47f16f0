// Makes one recording of a stream: stores each segment when it is complete, lists it, and finishes the directory at the end. It never slows the
// stream down: segments that cannot be written become gaps.

import { join } from 'node:path';
import { systemReason } from '../protocols/system-error.js';
import type { Milliseconds } from '../protocols/units.js';
import { recordingError } from './errors.js';
import { makeDirectory, replaceFile } from './files.js';
import { finishRecording } from './finish-recording.js';
import { PLAYLIST } from './recorded-playlist.js';
import type { RecordedRendition, RecordedSegment, RecordedVariants } from './recorded-stream.js';
import { withoutMedia } from './recorded-stream.js';
import type { RecorderOptions } from './recorder-options.js';
import { FACTS_FILE, type RecordingFacts, renderFacts } from './recording-facts.js';
import { RecordingProgress } from './recording-progress.js';
import { TrackWriter } from './track-writer.js';

/** Limit of the media that waits to be stored. Segments beyond it become gaps, because a disk that is this far behind does not catch up. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

/** Length of a recording, in segments, that may be stopped before every rendition has its first one. */
const FIRST_SEGMENTS = 2;

/** How long a stopped recording waits for renditions that have not reached its last segment. */
const LATE_RENDITIONS: Milliseconds = 15_000;

export class Recorder {
  readonly #progress: RecordingProgress;
  /** Resolves when the recording is finished, or when finishing has failed. Never rejects. */
  readonly done: Promise<void>;
  readonly #options: RecorderOptions;
  readonly #variants: RecordedVariants;
  readonly #tracks = new Map<string, TrackWriter>();
  #pending: { readonly rendition: RecordedRendition; readonly segment: RecordedSegment }[] = [];
  #pendingBytes = 0;
  /** Number of the first segment after the recording. */
  #until = Number.POSITIVE_INFINITY;
  #closing = false;
  #working = false;
  #cancelWait: (() => void) | undefined;
  #unsubscribe: () => void;
  #finished: () => void = () => undefined;
  #variantsText: string | undefined;
  /** Resolves when the directory exists, or could not be created. */
  readonly #begun: Promise<void>;
  /** Whether a segment was stored since the pause, so that the recording continues. */
  #goesOn = false;
  /** Whether the recording was finished, or removed because it had nothing to play. */
  isSettled = false;

  constructor(options: RecorderOptions) {
    const { stream, id, title, clock, domain } = options;
    this.#options = options;
    this.#variants = stream.variants();
    this.done = new Promise((resolve) => {
      this.#finished = resolve;
    });
    const facts: RecordingFacts = {
      ...{ version: 1, id, app: stream.app, name: stream.name, pinned: false, state: 'recording' },
      ...{ start: clock.wallClock(), duration: 0, bytes: 0, renditions: [], gaps: [] },
      ...(title !== undefined && { title }),
    };
    this.#progress = new RecordingProgress(facts, options.first);
    this.#unsubscribe = stream.subscribe({
      segment: (rendition, segment) => this.#take(rendition, segment),
      ended: () => this.#close(),
    });
    this.#begun = domain.settled('recording start', () => this.#begin());
    if (stream.ended) this.#close();
  }

  /** Records up to segment `until`, exclusive. @returns a promise that resolves when the recording is finished */
  stop(until = this.#options.stream.nextNumber): Promise<void> {
    if (this.#until === Number.POSITIVE_INFINITY) {
      this.#until = until;
      this.#cancelWait = this.#options.clock.after(LATE_RENDITIONS, () => this.#close());
      if (this.#isComplete()) this.#close();
    }
    return this.done;
  }

  /** Ends at once, with the segments received so far. */
  end(): Promise<void> {
    this.#close();
    return this.done;
  }

  /** Changes the fields that an operator decides. */
  async change(change: Partial<Pick<RecordingFacts, 'title' | 'pinned'>>): Promise<void> {
    await this.#begun;
    await this.#options.turns.take(async () => {
      this.#progress.change(change);
      await this.#writeFacts();
    });
  }

  #take(rendition: RecordedRendition, segment: RecordedSegment): void {
    const { first, takes } = this.#options;
    if (this.#closing || segment.number < first || segment.number >= this.#until || !takes(rendition)) return;
    // A hanging disk takes nothing from the queue, so its bytes must be limited here, where they are added.
    const isLate = this.#pendingBytes + segment.media.length > MAX_PENDING_BYTES;
    const kept = isLate ? withoutMedia(segment) : segment;
    this.#pending.push({ rendition, segment: kept });
    this.#pendingBytes += kept.media.length;
    this.#work();
  }

  #close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#unsubscribe();
    this.#cancelWait?.();
    this.#work();
  }

  #isComplete(): boolean {
    const { first, stream, takes } = this.#options;
    if (this.#until <= first) return this.#pending.length === 0;
    // A rendition that has no segment after some time will not get one.
    const isShort = this.#until - first <= FIRST_SEGMENTS;
    const expected = stream.renditions.filter(
      (name) => this.#tracks.has(name) || (isShort && takes({ name, video: name !== 'audio' })),
    );
    return expected.every((name) => (this.#tracks.get(name)?.next ?? 0) >= this.#until) && this.#pending.length === 0;
  }

  #work(): void {
    if (this.#working) return;
    this.#options.domain.run('recording', async () => {
      this.#working = true;
      try {
        await this.#begun;
        await this.#storePending();
        if (!this.#closing && this.#until !== Number.POSITIVE_INFINITY && this.#isComplete()) this.#close();
        if (this.#closing) await this.#finish();
      } finally {
        this.#working = false;
        // A segment may have been added while the last one was being written.
        if (this.#pending.length > 0) this.#work();
      }
    });
  }

  async #begin(): Promise<void> {
    try {
      await makeDirectory(this.#options.directory);
      await this.#options.turns.take(() => this.#writeFacts());
    } catch (cause) {
      this.#pause(cause);
    }
  }

  async #storePending(): Promise<void> {
    while (this.#pending.length > 0) {
      // Empty the queue before waiting: segments added during the wait may not be in the live copy yet, and are linked in the next round.
      const pending = this.#pending.splice(0);
      await this.#options.stream.stored();
      const hasRoom = await this.#hasRoom();
      for (const { rendition, segment } of pending) {
        await this.#store(rendition, segment, hasRoom);
        this.#pendingBytes -= segment.media.length;
      }
      await this.#publish();
    }
  }

  async #store(rendition: RecordedRendition, segment: RecordedSegment, hasRoom: boolean): Promise<void> {
    const track = this.#trackOf(rendition);
    this.#progress.note(segment);
    for (const missing of this.#progress.between(track.next, segment.number)) track.skip(missing);
    let stored = false;
    if (!segment.gap && hasRoom) {
      try {
        stored = await track.store(segment);
      } catch (cause) {
        this.#pause(cause);
      }
    }
    track.list(segment, !stored);
    if (!stored) {
      if (this.facts.renditions[0]?.name === rendition.name) this.#progress.noteMissing(segment);
      return;
    }
    this.#goesOn = true;
    this.#progress.noteStored(segment);
    this.#variants.add(rendition.name, segment);
    this.#progress.change({ bytes: this.facts.bytes + segment.media.length });
  }

  /** Pauses the recording if the disk is too full. */
  async #hasRoom(): Promise<boolean> {
    const { directory, keepFree, freeBytes } = this.#options;
    try {
      if (keepFree === 0 || (await freeBytes(directory)) >= keepFree) return true;
      this.#pause(new Error(`less than ${Math.round(keepFree / 2 ** 20)} MiB are free on the disk`));
    } catch (cause) {
      this.#pause(cause);
    }
    return false;
  }

  /** Appends the new entries to all playlists. */
  async #publish(): Promise<void> {
    try {
      // The multivariant playlist comes first: a listed rendition without a media playlist can be removed later, but an unlisted one would be lost.
      await this.#writeVariants(false);
      for (const track of this.#tracks.values()) await track.flush();
      if (this.facts.state === 'paused' && this.#goesOn) {
        this.#progress.resume();
        await this.#options.turns.take(() => this.#writeFacts());
        this.#options.onPaused(undefined);
      }
    } catch (cause) {
      this.#pause(cause);
    }
    this.#options.onChange(this.facts);
  }

  async #writeVariants(ended: boolean): Promise<void> {
    const text = this.#variants.text(ended);
    if (text === undefined || text === this.#variantsText) return;
    await replaceFile(join(this.#options.directory, PLAYLIST), text);
    this.#variantsText = text;
  }

  async #finish(): Promise<void> {
    await this.finishAgain();
    this.#finished();
  }

  /** Writes the end of the recording. @returns false if that fails; then it can be tried again */
  async finishAgain(): Promise<boolean> {
    try {
      // Nothing was stored, perhaps because the disk failed: there is nothing to write either.
      const hasMedia = this.facts.bytes > 0 && (await this.#writeEnd());
      if (!hasMedia) await this.#options.onEmpty();
      this.isSettled = true;
    } catch (cause) {
      // The directory stays as a crash would leave it.
      this.#pause(cause);
    }
    return this.isSettled;
  }

  /** @returns false if there is nothing to play */
  async #writeEnd(): Promise<boolean> {
    const { directory, onChange, first, turns } = this.#options;
    const last = Math.max(first - 1, ...[...this.#tracks.values()].map(({ next }) => next - 1));
    for (const track of this.#tracks.values()) {
      for (const missing of this.#progress.between(track.next, last + 1)) track.skip(missing);
      await track.flush();
    }
    await this.#writeVariants(true);
    return turns.take(async () => {
      const finished = await finishRecording(directory, { ...this.facts, state: 'finished' });
      if (finished === undefined) return false;
      this.#progress.facts = finished;
      // Within this turn, because whoever has the next one reads the facts in the catalogue.
      onChange(finished);
      return true;
    });
  }

  #pause(cause: unknown): void {
    const reason = systemReason(cause);
    this.#goesOn = false;
    if (this.facts.state === 'paused') return;
    this.#progress.change({ state: 'paused', reason });
    this.#options.onChange(this.facts);
    this.#options.onPaused(recordingError('recording.disk', `the recording is paused: ${reason}`, { cause }));
  }

  #trackOf(rendition: RecordedRendition): TrackWriter {
    let track = this.#tracks.get(rendition.name);
    if (track === undefined) {
      const { directory, stream, first } = this.#options;
      track = new TrackWriter({
        ...{ directory, rendition, first },
        targetDuration: stream.targetDuration ?? 1,
        livePath: (uri) => stream.livePath(rendition.name, uri),
      });
      this.#tracks.set(rendition.name, track);
      const { name, video } = rendition;
      this.#progress.change({ renditions: [...this.facts.renditions, { name, video }] });
    }
    return track;
  }

  get facts(): RecordingFacts {
    return this.#progress.facts;
  }

  async #writeFacts(): Promise<void> {
    await replaceFile(join(this.#options.directory, FACTS_FILE), renderFacts(this.facts));
    this.#options.onChange(this.facts);
  }
}
