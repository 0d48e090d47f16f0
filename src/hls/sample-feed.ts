// Packages the publisher's frames into parts, in this process.
import { type InitTrack, parseInitSegment } from '../protocols/mp4/init-segment.js';
import type { Milliseconds } from '../protocols/units.js';
import { type Feed, type FeedOptions, partOptions, setInit, silenceOf } from './feed.js';
import { AudioSamples } from './packaging/audio-samples.js';
import { VideoSamples } from './packaging/video-samples.js';
import type { Rendition } from './window/rendition.js';

/** One coded frame. */
export interface MediaSample {
  /** Decode time on the stream timeline, increasing. */
  readonly dts: Milliseconds;
  /** Presentation time minus decode time. */
  readonly cts: Milliseconds;
  /** Decoding can start here. Always true for audio. */
  readonly sync: boolean;
  /** As stored in `mdat`. Kept until its part is written, at most for a part duration. */
  readonly data: Buffer;
  /** PCM samples in an audio frame. Default: according to the init segment. */
  readonly sampleCount?: number | undefined;
}

export class SampleFeed implements Feed {
  readonly rendition: Rendition;
  readonly #options: FeedOptions;
  #video: VideoSamples | undefined;
  #audio: AudioSamples | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.rendition = options.rendition;
    // A track that is unchanged since the previous period need not be set again.
    const { init, track } = this.rendition;
    if (init !== undefined && track !== undefined && track.kind === this.rendition.plan.kind) this.#begin(track);
  }

  /** @throws the typed errors of `parseInitSegment` */
  setTrack(init: Buffer): void {
    if (this.rendition.init?.equals(init) === true && (this.#video ?? this.#audio) !== undefined) return;
    const track = parseInitSegment(init);
    this.finishRun();
    setInit(this.#options, init, track);
    this.#begin(track);
  }

  write(sample: MediaSample): void {
    if (this.#video !== undefined) this.#video.push(sample.dts, sample.cts, sample.sync, sample.data);
    else this.#audio?.push(sample.dts, sample.data, sample.sampleCount);
  }

  advance(): void {
    this.#video?.advance();
    this.#audio?.advance();
  }

  get catchesUp(): boolean {
    return this.#audio?.catchesUp === true;
  }

  fillUpTo(index: number): void {
    const end = this.#options.schedule.endOf(index);
    if (end !== undefined) this.#audio?.fillUpTo(end);
  }

  finishRun(): void {
    this.#video?.flush();
    this.#audio?.flush();
  }

  #begin(track: InitTrack): void {
    const { timing } = this.#options;
    const options = partOptions(this.#options, track);
    this.#video = undefined;
    this.#audio = undefined;
    if (track.kind === 'audio') {
      const { frameDuration } = track;
      this.#audio = new AudioSamples({ ...options, frameDuration, silence: silenceOf(track, this.#options) });
    } else this.#video = new VideoSamples({ ...options, frame: timing.frame ?? timing.nominal });
  }
}
