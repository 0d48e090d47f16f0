// Packages the publisher's frames into parts, in this process.
import { type InitTrack, parseInitSegment } from '../protocols/mp4/init-segment.js';
import { type Feed, type FeedOptions, partOptions, setInit, silenceOf } from './feed.js';
import { AudioSamples } from './packaging/audio-samples.js';
import { VideoSamples } from './packaging/video-samples.js';
import type { Rendition } from './window/rendition.js';

export class SampleFeed implements Feed {
  readonly rendition: Rendition;
  /** Takes the frames of the current track; undefined before the first track. */
  samples: VideoSamples | AudioSamples | undefined;
  readonly #options: FeedOptions;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.rendition = options.rendition;
    // A track that is unchanged since the previous period need not be set again.
    const { init, track } = this.rendition;
    if (init !== undefined && track !== undefined && track.kind === this.rendition.plan.kind) this.#begin(track);
  }

  /** @throws the typed errors of `parseInitSegment` */
  setTrack(init: Buffer): void {
    if (this.rendition.init?.equals(init) === true && this.samples !== undefined) return;
    const track = parseInitSegment(init);
    this.finishRun();
    setInit(this.#options, init, track);
    this.#begin(track);
  }

  advance(): void {
    this.samples?.advance();
  }

  get catchesUp(): boolean {
    return this.samples instanceof AudioSamples && this.samples.catchesUp;
  }

  fillUpTo(index: number): void {
    const end = this.#options.schedule.endOf(index);
    if (end !== undefined && this.samples instanceof AudioSamples) this.samples.fillUpTo(end);
  }

  finishRun(): void {
    this.samples?.flush();
  }

  #begin(track: InitTrack): void {
    const { timing } = this.#options;
    const options = partOptions(this.#options, track);
    const { frameDuration } = track;
    this.samples =
      track.kind === 'audio'
        ? new AudioSamples({ ...options, frameDuration, silence: silenceOf(track, this.#options) })
        : new VideoSamples({ ...options, frame: timing.frame ?? timing.nominal });
  }
}
