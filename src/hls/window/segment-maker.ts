// Makes the segments that the segmenter decides on: gives them numbers, names, dates, init segments, gaps and runs.
import type { InitTrack } from '../../protocols/mp4/init-segment.js';
import type { EpochMilliseconds, Seconds } from '../../protocols/units.js';
import { InbandEvents } from '../packaging/inband-events.js';
import type { MadePart } from '../packaging/part.js';
import type { StreamPeriod, StreamPeriods } from '../timeline/stream-periods.js';
import {
  type CompleteSegment,
  type InitSegment,
  initUri,
  type OpenSegment,
  partUri,
  type RunStart,
  SegmentMedia,
  segmentUri,
} from './segment.js';

export interface SegmentMakerOptions {
  readonly periods: StreamPeriods;
  /** Media sequence number of segment 0 of the cut schedule. */
  readonly firstMediaSequence: number;
  readonly partTarget: Seconds;
  readonly programDateTime: (mediaTime: Seconds) => EpochMilliseconds;
}

export interface SegmentInMaking extends OpenSegment {
  /** Whether some of its bodies are views of larger buffers. */
  shared: boolean;
  /** Whether more media of it comes: `certain` if media after its last part already exists, `lost` if its encoder has died. */
  rest: 'unknown' | 'certain' | 'lost';
}

export class SegmentMaker {
  /** Timed events that wait for their part. */
  readonly events = new InbandEvents();
  /** The init segment for new segments. */
  init: { readonly bytes: Buffer; readonly track: InitTrack } | undefined;
  readonly #options: SegmentMakerOptions;
  /** `init` under the name that the newest segment uses. */
  #namedInit: InitSegment | undefined;
  /** The run of the newest complete segment or gap. */
  #run: { readonly period: StreamPeriod | undefined; readonly state: string; readonly start: RunStart } | undefined;

  constructor(options: SegmentMakerOptions) {
    this.#options = options;
  }

  /** A segment without media yet. */
  open(index: number, start: Seconds): SegmentInMaking {
    const mediaSequence = this.#mediaSequence(index);
    const period = this.#options.periods.at(index);
    return {
      mediaSequence,
      index,
      init: this.#initFor(mediaSequence),
      start,
      end: start,
      programDateTime: this.#options.programDateTime(start),
      discontinuity: period?.discontinuity === true && index === period.startIndex,
      discontinuityNumber: period?.discontinuityNumber ?? 0,
      parts: [],
      bodies: [],
      keyFrameBytes: undefined,
      shared: false,
      rest: 'unknown',
    };
  }

  /** The part with the events that belong to it. */
  withEvents(part: MadePart): MadePart {
    return this.events.isEmpty || this.init === undefined ? part : this.events.into(part, this.init.track.timescale);
  }

  /** RFC 8216bis 4.4.4.9: parts with GAP=YES replace missing media, so that the parts still add up to their segment. */
  addGapParts(open: OpenSegment, missing: Seconds): void {
    const count = Math.ceil(missing / this.#options.partTarget - 1e-6);
    for (let i = 0; i < count; i += 1) {
      const uri = partUri(open.mediaSequence, open.parts.length);
      open.parts.push({ uri, duration: missing / count, independent: false, gap: true });
    }
  }

  /** @param gap whether all or some of its media will never come */
  complete({ bodies, shared, rest: _, ...segment }: SegmentInMaking, end: Seconds, gap: boolean): CompleteSegment {
    const { mediaSequence, start } = segment;
    const media = new SegmentMedia(bodies);
    if (shared) media.whole();
    const run = this.#runOf(segment, gap);
    return { ...segment, end, uri: segmentUri(mediaSequence), duration: end - start, media, run, gap };
  }

  /** The next segment is the first one of its playlist. */
  clear(): void {
    this.#namedInit = undefined;
    this.#run = undefined;
  }

  /** A run extends over the whole period, unless media is missing in it or its init segment changes. */
  #runOf({ index, mediaSequence, init, start }: Omit<OpenSegment, 'bodies'>, gap: boolean): RunStart {
    const period = this.#options.periods.at(index);
    const state = gap ? '' : init.uri;
    const before = this.#run;
    let begun = before?.start;
    if (begun === undefined || before?.period !== period) {
      begun = period && { mediaSequence: this.#mediaSequence(period.startIndex), start: period.start };
    } else if (before?.state !== state) begun = undefined;
    this.#run = { period, state, start: begun ?? { mediaSequence, start } };
    return this.#run.start;
  }

  #initFor(mediaSequence: number): InitSegment {
    const current = this.init;
    if (current === undefined) throw new TypeError('a segment before its init segment');
    if (this.#namedInit?.bytes !== current.bytes) this.#namedInit = { uri: initUri(mediaSequence), ...current };
    return this.#namedInit;
  }

  #mediaSequence(index: number): number {
    return this.#options.firstMediaSequence + index;
  }
}
