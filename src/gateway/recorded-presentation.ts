// A presentation as the recorder sees it.

import { join } from 'node:path';
import { describeVariants } from '../hls/playlists/describe-variants.js';
import { renderMultivariantPlaylist } from '../hls/playlists/multivariant-playlist.js';
import type { Presentation } from '../hls/presentation.js';
import type { RenditionPlan } from '../hls/timeline/plan.js';
import { BandwidthMeter } from '../hls/window/bandwidth-meter.js';
import type { CompleteSegment } from '../hls/window/segment.js';
import type { StoredSegment } from '../hls/window/segment-archive.js';
import type { InitTrack } from '../protocols/mp4/init-segment.js';
import type { Seconds } from '../protocols/units.js';
import type {
  AvailableSegments,
  RecordedSegment,
  RecordedStream,
  RecordedStreamListener,
  RecordedVariants,
} from '../recording/recorded-stream.js';

/** A segment with what describes its track. */
class PresentedSegment implements RecordedSegment {
  readonly #segment: CompleteSegment;
  readonly plan: RenditionPlan;

  constructor(segment: CompleteSegment, plan: RenditionPlan) {
    this.#segment = segment;
    this.plan = plan;
  }

  get number(): number {
    return this.#segment.mediaSequence;
  }
  get uri(): string {
    return this.#segment.uri;
  }
  get duration(): Seconds {
    return this.#segment.duration;
  }
  get programDateTime(): number {
    return this.#segment.programDateTime;
  }
  get discontinuity(): boolean {
    return this.#segment.discontinuity;
  }
  get gap(): boolean {
    return this.#segment.gap;
  }
  get init(): CompleteSegment['init'] {
    return this.#segment.init;
  }
  get keyFrameBytes(): number | undefined {
    return this.#segment.keyFrameBytes;
  }
  get media(): CompleteSegment['media'] {
    return this.#segment.media;
  }
}

/** A segment that has left memory. */
function onlyStored(segment: StoredSegment): RecordedSegment {
  const { mediaSequence: number, uri, duration, programDateTime, discontinuity, gap, init, keyFrameBytes } = segment;
  const media = { length: 0, isStored: true, pieces: [] };
  return { number, uri, duration, programDateTime, discontinuity, gap, init, keyFrameBytes, media };
}

export class RecordedPresentation implements RecordedStream {
  readonly app: string;
  readonly name: string;
  readonly #presentation: Presentation;
  readonly #mediaDirectory: string | undefined;

  /** @param mediaDirectory of the live copy; undefined if there is none */
  constructor(presentation: Presentation, mediaDirectory: string | undefined) {
    this.app = presentation.app;
    this.name = presentation.name;
    this.#presentation = presentation;
    this.#mediaDirectory = mediaDirectory;
  }

  get ended(): boolean {
    return this.#presentation.ended;
  }

  get nextNumber(): number {
    return this.#presentation.nextMediaSequence;
  }

  get targetDuration(): Seconds | undefined {
    return this.#presentation.targetDuration;
  }

  get renditions(): readonly string[] {
    return this.#presentation.renditions.map(({ name }) => name);
  }

  subscribe(listener: RecordedStreamListener): () => void {
    let current: RecordedStreamListener | undefined = listener;
    const unsubscribe = this.#presentation.onSegment(({ plan }, segment) => {
      listener.segment({ name: plan.name, video: plan.kind === 'video' }, new PresentedSegment(segment, plan));
    });
    // The presentation keeps this function until its end, but not the listener: each part of a split recording is one.
    this.#presentation.onEnd(() => current?.ended());
    return () => {
      current = undefined;
      unsubscribe();
    };
  }

  variants(): RecordedVariants {
    return new PresentedVariants(this.#presentation);
  }

  livePath(rendition: string, uri: string): string | undefined {
    return this.#mediaDirectory && join(this.#mediaDirectory, ...this.app.split('/'), this.name, rendition, uri);
  }

  available(): readonly AvailableSegments[] {
    return this.#presentation.available.map(({ plan, earlier, segments }) => ({
      rendition: { name: plan.name, video: plan.kind === 'video' },
      segments: [...earlier.map(onlyStored), ...segments.map((segment) => new PresentedSegment(segment, plan))],
    }));
  }

  get multivariant(): string | undefined {
    return this.#presentation.playable ? this.#presentation.multivariantBody().toString() : undefined;
  }

  stored(): Promise<void> {
    return this.#presentation.stored();
  }
}

interface Measured {
  plan: RenditionPlan;
  readonly tracks: InitTrack[];
  readonly bandwidth: BandwidthMeter;
}

/** Measures the recorded segments as live ones are measured, and describes them in the same words. */
class PresentedVariants implements RecordedVariants {
  readonly #presentation: Presentation;
  readonly #measured = new Map<string, Measured>();
  /** Every picture segment so far begins with a key frame. */
  #isIndependent = true;

  constructor(presentation: Presentation) {
    this.#presentation = presentation;
  }

  add(rendition: string, segment: RecordedSegment): void {
    if (!(segment instanceof PresentedSegment)) throw new TypeError('got a segment of another stream');
    const { plan, init, media, duration, keyFrameBytes } = segment;
    const measured = this.#measured.get(rendition) ?? { plan, tracks: [], bandwidth: new BandwidthMeter() };
    this.#measured.set(rendition, measured);
    measured.plan = plan;
    if (plan.kind === 'video' && keyFrameBytes === undefined) this.#isIndependent = false;
    if (measured.tracks[0] !== init.track) measured.tracks.unshift(init.track);
    measured.bandwidth.add({ media, duration, keyFrameBytes }, this.#presentation.targetDuration ?? duration);
  }

  text(ended: boolean): string | undefined {
    if (this.#measured.size === 0) return undefined;
    const order = this.#presentation.renditions.map(({ name }) => name);
    const rank = ({ plan }: Measured): number => (order.includes(plan.name) ? order.indexOf(plan.name) : order.length);
    const renditions = [...this.#measured.values()]
      .sort((a, b) => rank(a) - rank(b))
      .map(({ plan, tracks, bandwidth }) => ({ plan, track: tracks[0], listedTracks: tracks, bandwidth }));
    const { frameRate } = this.#presentation;
    return renderMultivariantPlaylist(describeVariants(renditions, frameRate, this.#isIndependent, ended));
  }
}
