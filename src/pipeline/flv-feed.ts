// Carries tags from a subscription into FFmpeg's stdin as FLV, at the pace FFmpeg takes them; the subscription holds what waits.
import type { Subscription } from '../live/subscription.js';
import type { LiveTag } from '../live/tag.js';
import { FLV_HEADER, flvTag } from '../protocols/flv/flv-writer.js';
import type { Milliseconds } from '../protocols/units.js';
import { SentTags } from './sent-tags.js';

/** Where FLV goes; `write` says false when the writer must wait for a call of `resume`. */
export interface FlvSink {
  readonly accepting: boolean;
  write(buffers: readonly Buffer[]): boolean;
}

export interface FlvFeedOptions {
  readonly subscription: Subscription;
  readonly sink: FlvSink;
  readonly video: boolean;
  readonly audio: boolean;
  /** Stream time that may wait here; the subscription bounds the bytes. Beyond it the oldest go, up to the next key frame. */
  readonly maxBehind: Milliseconds;
  /** Bytes that are kept of what was sent, for the case that FFmpeg dies. */
  readonly maxSentBytes: number;
  /** Presentation time up to which FFmpeg has made everything. */
  readonly madeUntil: () => Milliseconds;
}

/** Audio tags that wait for a picture to go out with: each write wakes FFmpeg, and audio alone would wake it 47 times a second. */
const MAX_BATCHED_TAGS = 4;

/** Timestamps are whole milliseconds, and encoders keep them to the tick of their timescale. */
const ROUNDING: Milliseconds = 1;

/**
 * The state of one FFmpeg's input: nothing of a track before its sequence header, no picture before a key frame, and nothing
 * after a change of its parameters: for those there is another FFmpeg.
 */
export class FlvFeed {
  readonly #options: FlvFeedOptions;
  readonly #sent: SentTags;
  #blocked = true;
  #sawKeyFrame = false;
  #videoHeader: LiveTag | undefined;
  #audioHeader: LiveTag | undefined;
  /** Tracks whose parameters have changed. */
  readonly #over = new Set<LiveTag['kind']>();
  /** Taken from the subscription and not yet given on, or to be given again: the next one last. */
  #waiting: LiveTag[] = [];
  /** Of `#waiting`: given again, so that what comes after them can be decoded, however old they are. */
  #again = 0;
  #newest: Milliseconds = Number.NEGATIVE_INFINITY;
  #droppedTags = 0;
  /** Tags that go out with the next picture. */
  #batch: Buffer[] = [];
  #batchedTags = 0;

  constructor(options: FlvFeedOptions) {
    this.#options = options;
    this.#sent = new SentTags({ ...options, maxBytes: options.maxSentBytes });
  }

  /** Tags that were too old when FFmpeg could have had them. */
  get droppedTags(): number {
    return this.#droppedTags + this.#options.subscription.droppedTags;
  }

  /**
   * FFmpeg is gone.
   * @param again its successor gets what this one has not made anything of; otherwise that is lost, as when it died of it
   */
  interrupted(again: boolean): void {
    const sent = this.#sent.takeAll();
    if (again) {
      this.#again += sent.length;
      for (const tag of sent.reverse()) this.#waiting.push(tag);
    } else {
      this.#again = 0;
    }
    this.#startOver();
  }

  /** A new FFmpeg waits for its input. */
  begin(): void {
    const { sink, video, audio } = this.#options;
    this.#startOver();
    this.#blocked = !sink.write([FLV_HEADER(audio, video)]);
    for (const header of [this.#videoHeader, this.#audioHeader]) if (header !== undefined) this.#write(header);
    this.pump();
  }

  /** The sink has room again. */
  resume(): void {
    this.#blocked = false;
    this.pump();
  }

  /** The publisher has sent a tag of this time. */
  note(dts: Milliseconds): void {
    this.#newest = Math.max(this.#newest, dts);
    if (this.#blocked) this.#dropOld();
  }

  /**
   * For an FFmpeg that is about to start: presentation time of the key frame (without video the sample) it will be given
   * first; undefined when none waits. What is before it is dropped, as it would be anyway.
   */
  firstPicture(): Milliseconds | undefined {
    this.#dropOld();
    for (let again = this.#again, tag = this.#take(); tag !== undefined; again = this.#again, tag = this.#take()) {
      if (tag.sequenceHeader) {
        this.#route(tag);
      } else if (tag.kind !== 'script' && (tag.keyFrame || !this.#options.video)) {
        this.#waiting.push(tag);
        this.#again = again;
        return tag.dts + tag.compositionTime;
      }
    }
    return undefined;
  }

  /** Of what waits: presentation time of the first picture that is not before `time`, give or take the rounding of timestamps. */
  pictureAt(time: Milliseconds): Milliseconds | undefined {
    let first: Milliseconds | undefined;
    for (const { kind, sequenceHeader, dts, compositionTime } of this.#waiting) {
      const pts = dts + compositionTime;
      const isNearer = pts >= time - ROUNDING && pts < (first ?? Number.POSITIVE_INFINITY);
      if (kind === 'video' && !sequenceHeader && isNearer) first = pts;
    }
    return first;
  }

  /** Moves what is there; called whenever either side may have become able to. */
  pump(): void {
    const { sink } = this.#options;
    this.#dropOld();
    // While no FFmpeg listens the subscription holds the tags, so that a key frame in them is where the next one begins.
    while (!this.#blocked && sink.accepting) {
      const tag = this.#take();
      if (tag === undefined) return;
      this.#route(tag);
    }
  }

  /** No more comes for this FFmpeg: all that was sent goes out, also past the mark at which a live one would wait. */
  finish(): void {
    const { sink } = this.#options;
    while (sink.accepting) {
      const tag = this.#take();
      if (tag === undefined) break;
      this.#route(tag);
    }
    this.#flush();
  }

  #take(): LiveTag | undefined {
    if (this.#again > 0) this.#again -= 1;
    return this.#waiting.pop() ?? this.#options.subscription.take();
  }

  #startOver(): void {
    this.#sent.clear();
    this.#sawKeyFrame = false;
    this.#batch = [];
    this.#batchedTags = 0;
  }

  /** What waited too long is not worth encoding: the next key frame that is young enough is. */
  #dropOld(): void {
    if (this.#again > 0) return;
    const oldest = this.#newest - this.#options.maxBehind;
    let dropping = false;
    for (let tag = this.#take(); tag !== undefined; tag = this.#take()) {
      // They are small, have no time of their own, and nothing after them can be decoded without them.
      if (tag.sequenceHeader || tag.kind === 'script') {
        this.#route(tag);
        continue;
      }
      const canStart = tag.keyFrame || !this.#options.video;
      if (tag.dts >= oldest && (!dropping || canStart)) {
        this.#waiting.push(tag);
        return;
      }
      dropping = true;
      this.#sawKeyFrame = false;
      this.#droppedTags += 1;
    }
  }

  #keepHeader(tag: LiveTag): void {
    if (tag.kind === 'video') this.#videoHeader ??= tag;
    if (tag.kind === 'audio') this.#audioHeader ??= tag;
  }

  #route(tag: LiveTag): void {
    const { video, audio } = this.#options;
    if (tag.kind === 'script' || !(tag.kind === 'video' ? video : audio) || this.#over.has(tag.kind)) return;
    if (tag.sequenceHeader) {
      const earlier = tag.kind === 'video' ? this.#videoHeader : this.#audioHeader;
      if (earlier !== undefined && !earlier.body.equals(tag.body)) {
        this.#over.add(tag.kind);
        return;
      }
      this.#keepHeader(tag);
    } else if (tag.kind === 'video' && tag.keyFrame) {
      this.#sawKeyFrame = true;
    }
    // Without a picture to begin with, FFmpeg would start the audio early and the first segment with no key frame.
    const awaitsKeyFrame = video && !this.#sawKeyFrame && !tag.sequenceHeader;
    if (awaitsKeyFrame) return;
    if (!tag.sequenceHeader) this.#sent.note(tag);
    this.#write(tag);
  }

  #flush(): void {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchedTags = 0;
    if (batch.length > 0 && !this.#options.sink.write(batch)) this.#blocked = true;
  }

  #write(tag: LiveTag): void {
    this.#batch.push(...flvTag(tag.kind, tag.dts, tag.body));
    this.#batchedTags += 1;
    if (tag.kind !== 'audio' || !this.#options.video || this.#batchedTags >= MAX_BATCHED_TAGS) this.#flush();
  }
}
