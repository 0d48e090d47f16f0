// What a recording has so far: its facts, and what each number of a segment shows.

import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';
import type { RecordedSegment } from './recorded-stream.js';
import { MAX_GAPS, type RecordingFacts } from './recording-facts.js';
import type { MissingSegment } from './track-writer.js';

/** A pause in the dates of more than this is a gap. */
const GAP: Milliseconds = 500;

export class RecordingProgress {
  facts: RecordingFacts;
  readonly #first: number;
  /** By number, from the rendition that has it first. */
  readonly #shown: MissingSegment[] = [];

  /** @param first number of the first segment */
  constructor(facts: RecordingFacts, first: number) {
    this.facts = facts;
    this.#first = first;
  }

  change(change: Partial<RecordingFacts>): void {
    this.facts = { ...this.facts, ...change };
  }

  /** The recording can be written again. */
  resume(): void {
    const { reason: _, ...facts } = this.facts;
    this.facts = { ...facts, state: 'recording' };
  }

  /** Call for each segment of every rendition. */
  note({ number, duration, programDateTime, gap }: RecordedSegment): void {
    const index = number - this.#first;
    if (this.#shown[index] !== undefined) return;
    this.#shown[index] = { number, duration, programDateTime };
    const { end, start } = this.facts;
    if (end !== undefined && programDateTime > end + GAP) this.#addGap(end, programDateTime);
    this.change({
      start: index === 0 ? Math.round(programDateTime) : start,
      end: Math.round(programDateTime + duration * 1000),
      duration: this.facts.duration + (gap ? 0 : duration),
    });
  }

  /** The media of a segment was not stored. */
  noteMissing({ programDateTime, duration }: RecordedSegment): void {
    this.#addGap(programDateTime, programDateTime + duration * 1000);
  }

  /** What is shown under numbers `from` to `to` (exclusive). */
  between(from: number, to: number): MissingSegment[] {
    return this.#shown.slice(Math.max(0, from - this.#first), Math.max(0, to - this.#first)).filter(Boolean);
  }

  #addGap(from: EpochMilliseconds, to: EpochMilliseconds): void {
    const gaps = [...this.facts.gaps];
    const last = gaps.at(-1);
    const gap = { from: Math.round(from), to: Math.round(to) };
    if (last !== undefined && from <= last.to + GAP) gaps[gaps.length - 1] = { ...last, to: Math.max(last.to, gap.to) };
    else gaps.push(gap);
    this.change({ gaps: gaps.slice(-MAX_GAPS) });
  }
}
