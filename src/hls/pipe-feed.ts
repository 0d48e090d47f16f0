// From the bytes of one FFmpeg output pipe to parts: one reader and one part maker for each run of FFmpeg.
import { FragmentReader } from '../protocols/mp4/fragment-reader.js';
import { type InitTrack, parseInitSegment } from '../protocols/mp4/init-segment.js';
import type { Seconds } from '../protocols/units.js';
import type { Feed, FeedOptions } from './feed.js';
import { AudioRegrouper } from './packaging/audio-regrouper.js';
import type { PartMaker } from './packaging/part-sink.js';
import { VideoParts } from './packaging/video-parts.js';
import type { Rendition } from './window/rendition.js';

export class PipeFeed implements Feed {
  readonly rendition: Rendition;
  readonly #options: FeedOptions;
  #reader = new FragmentReader();
  #maker: PartMaker | undefined;
  /** What is before it was shown: made by an FFmpeg that died. */
  #shownUntil: Seconds = Number.NEGATIVE_INFINITY;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.rendition = options.rendition;
  }

  /** @throws the typed error of the MP4 room, after what came before the bytes at fault was used */
  write(bytes: Buffer): void {
    this.#reader.push(bytes);
    for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
      if (event.type === 'init') this.#onInit(event.bytes);
      else this.#maker?.push(event.fragment);
    }
  }

  /**
   * FFmpeg was replaced: bytes that follow begin with an init segment, and media goes on where it ended or where a segment
   * begins. What the one before did not finish is its successor's to make.
   * @param from media time at which the input of the successor begins
   */
  restarted(from: Seconds): void {
    this.#maker = undefined;
    this.#reader = new FragmentReader();
    this.#shownUntil = this.rendition.end ?? Number.NEGATIVE_INFINITY;
    this.rendition.interrupt(from);
  }

  advance(): void {
    this.#maker?.advance();
    this.rendition.closeInterrupted();
  }

  /** What is held goes now, half a fragment never. */
  finishRun(): void {
    this.#maker?.flush();
    this.#maker = undefined;
    this.#reader = new FragmentReader();
  }

  #onInit(written: Buffer): void {
    const { rendition, onTrackChanged, onInit } = this.#options;
    let { track } = rendition;
    if (track === undefined || rendition.init?.equals(written) !== true) {
      // What the reader gives is a view of a whole pipe chunk, which would stay in memory as long as the init segment and
      // the parameter sets found in it.
      const bytes = Buffer.from(written);
      track = parseInitSegment(bytes);
      if (rendition.init !== undefined) onTrackChanged(rendition);
      rendition.setInit(bytes, track);
      onInit();
    }
    this.#maker = this.#newMaker(track);
  }

  #newMaker(init: InitTrack): PartMaker {
    const { rendition, schedule, partTarget, timing, onOverlongPart } = this.#options;
    const { trackId, timescale, frameDuration } = init;
    const shared = { schedule, trackId, timescale, partTarget, nominal: timing.nominal, sink: rendition };
    if (init.kind === 'audio') {
      const isOpen = (): boolean => schedule.runStart !== undefined;
      return new AudioRegrouper({ ...shared, frameDuration, shownUntil: this.#shownUntil, isOpen });
    }
    return new VideoParts({ ...shared, frame: timing.frame ?? timing.nominal, onOverlongPart });
  }
}
