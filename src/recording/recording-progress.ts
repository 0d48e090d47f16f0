// The progress of a recording: its facts, and the time that each segment number covers.

import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';
import type { PlaylistEntry } from './recorded-playlist.js';
import type { RecordedSegment } from './recorded-stream.js';
import { MAX_GAPS, type RecordingFacts } from './recording-facts.js';
import type { MissingSegment } from './track-writer.js';

type Gaps = RecordingFacts['gaps'];

/** A jump between the dates of two segments that is longer than this is a gap. */
const GAP: Milliseconds = 500;

export class RecordingProgress {
  facts: RecordingFacts;
  readonly #first: number;
  /** By segment number, from the first rendition that has the segment. */
  readonly #shown: (MissingSegment & { isStored?: boolean })[] = [];

  /** @param first number of the first segment */
  constructor(facts: RecordingFacts, first: number) {
    this.facts = facts;
    this.#first = first;
  }

  change(change: Partial<RecordingFacts>): void {
    this.facts = { ...this.facts, ...change };
  }

  /** Call when the recording can be written again. */
  resume(): void {
    const { reason: _, ...facts } = this.facts;
    this.facts = { ...facts, state: 'recording' };
  }

  /** Call for each segment of every rendition. */
  note({ number, duration, programDateTime }: RecordedSegment): void {
    const index = number - this.#first;
    if (this.#shown[index] !== undefined) return;
    this.#shown[index] = { number, duration, programDateTime };
    const { end, start } = this.facts;
    if (end !== undefined && programDateTime > end + GAP) this.#addGap(end, programDateTime);
    this.change({
      start: index === 0 ? Math.round(programDateTime) : start,
      end: Math.round(programDateTime + duration * 1000),
    });
  }

  /** Call when the media of a segment was stored, for any rendition. */
  noteStored({ number, duration }: RecordedSegment): void {
    const shown = this.#shown[number - this.#first];
    if (shown === undefined || shown.isStored === true) return;
    shown.isStored = true;
    this.change({ duration: this.facts.duration + duration });
  }

  /** Call when the media of a segment could not be stored. */
  noteMissing({ programDateTime, duration }: RecordedSegment): void {
    this.#addGap(programDateTime, programDateTime + duration * 1000);
  }

  /** Segments `from` to `to` (exclusive), for renditions that lack them. */
  between(from: number, to: number): MissingSegment[] {
    return this.#shown.slice(Math.max(0, from - this.#first), Math.max(0, to - this.#first)).filter(Boolean);
  }

  #addGap(from: EpochMilliseconds, to: EpochMilliseconds): void {
    this.change({ gaps: withGap(this.facts.gaps, from, to) });
  }
}

function withGap(gaps: Gaps, from: EpochMilliseconds, to: EpochMilliseconds): Gaps {
  const last = gaps.at(-1);
  const gap = { from: Math.round(from), to: Math.round(to) };
  if (last === undefined || from > last.to + GAP) return [...gaps, gap].slice(-MAX_GAPS);
  return [...gaps.slice(0, -1), { ...last, to: Math.max(last.to, gap.to) }];
}

/** The gaps of a recording as its playlist shows them: media that is missing, and jumps between dates. */
export function gapsIn(entries: readonly Pick<PlaylistEntry, 'programDateTime' | 'duration' | 'gap'>[]): Gaps {
  let gaps: Gaps = [];
  let end: EpochMilliseconds | undefined;
  for (const { programDateTime, duration, gap } of entries) {
    if (end !== undefined && programDateTime > end + GAP) gaps = withGap(gaps, end, programDateTime);
    end = programDateTime + duration * 1000;
    if (gap) gaps = withGap(gaps, programDateTime, end);
  }
  return gaps;
}
