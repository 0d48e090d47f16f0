// Turns the bytes of one FFmpeg output pipe into parts: one reader and one part maker per run of FFmpeg.

import type { Fragment } from '../protocols/mp4/fragment.js';
import { FragmentReader } from '../protocols/mp4/fragment-reader.js';
import { type InitTrack, parseInitSegment } from '../protocols/mp4/init-segment.js';
import { type Milliseconds, millisecondsToSeconds, type Seconds } from '../protocols/units.js';
import { type Feed, type FeedOptions, type PartMaker, partOptions, setInit, silenceOf } from './feed.js';
import { AudioFragments } from './packaging/audio-fragments.js';
import { VideoFragments } from './packaging/video-fragments.js';
import type { Rendition } from './window/rendition.js';

interface FragmentMaker extends PartMaker {
  push(fragment: Fragment): void;
}

export class PipeFeed implements Feed {
  readonly rendition: Rendition;
  readonly catchesUp = false;
  readonly #options: FeedOptions;
  #reader = new FragmentReader();
  #maker: FragmentMaker | undefined;
  /** Whether the part maker was created before the init segment of the new FFmpeg came. */
  #isAhead = false;
  /** Whether silence replaced the audio when FFmpeg was replaced. */
  #isSilent = false;
  /** Media before this time was already emitted by an FFmpeg that died. */
  #shownUntil: Seconds = Number.NEGATIVE_INFINITY;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.rendition = options.rendition;
  }

  /** @throws the typed MP4 error, after the media before the invalid bytes was used */
  write(bytes: Buffer): void {
    this.#reader.push(bytes);
    for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
      if (event.type === 'init') this.#onInit(event.bytes);
      else this.#maker?.push(event.fragment);
    }
  }

  /**
   * FFmpeg was replaced: its bytes begin with an init segment, and its media continues where the old media ended or at the start of a
   * segment. Media that the old FFmpeg did not finish comes from the new one.
   * @param from media time at which the input of the new FFmpeg begins
   */
  restarted(from: Milliseconds): void {
    const { end, track, segmenter } = this.rendition;
    this.#isSilent = this.#maker instanceof AudioFragments && this.#maker.isSilent;
    this.#reader = new FragmentReader();
    this.#shownUntil = end ?? Number.NEGATIVE_INFINITY;
    const begins = millisecondsToSeconds(from);
    segmenter.interrupt(this.#isSilent ? Math.min(begins, this.#shownUntil) : begins);
    segmenter.closeInterrupted();
    // FFmpeg makes nothing while it has no audio to encode, but silence must go on meanwhile.
    this.#isAhead = track?.kind === 'audio';
    this.#maker = track?.kind === 'audio' ? this.#newMaker(track) : undefined;
  }

  advance(): void {
    this.#maker?.advance();
    this.rendition.segmenter.closeInterrupted();
  }

  fillUpTo(): void {
    // Nothing to do: late media is still inside FFmpeg, or was lost there.
  }

  /** Emits all held media; incomplete fragments are dropped. */
  finishRun(): void {
    this.#maker?.flush();
    this.#maker = undefined;
    this.#reader = new FragmentReader();
  }

  #onInit(written: Buffer): void {
    // Copied, because the reader returns a view of a whole pipe chunk. The chunk would stay in memory as long as the init segment and its
    // parameter sets.
    const init = Buffer.from(written);
    const track = parseInitSegment(init);
    const isKnown = this.rendition.init?.equals(init) === true;
    setInit(this.#options, init, track);
    if (!this.#isAhead || !isKnown) this.#maker = this.#newMaker(track);
    this.#isAhead = false;
  }

  #newMaker(track: InitTrack): FragmentMaker {
    const { timing } = this.#options;
    const options = { ...partOptions(this.#options, track), shared: true };
    if (track.kind !== 'audio') return new VideoFragments({ ...options, frame: timing.frame ?? timing.nominal });
    const { frameDuration } = track;
    const silence = silenceOf(track, this.#options);
    return new AudioFragments({
      ...{ ...options, frameDuration, silence },
      ...{ shownUntil: this.#shownUntil, isSilent: this.#isSilent },
    });
  }
}
