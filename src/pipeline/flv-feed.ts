// Writes tags from a subscription to FFmpeg's stdin as FLV, as fast as FFmpeg takes them; the others wait in the subscription.
import type { Subscription } from '../live/subscription.js';
import type { LiveTag } from '../live/tag.js';
import { FLV_HEADER, flvTag } from '../protocols/flv/flv-writer.js';
import type { Milliseconds } from '../protocols/units.js';
import { SentTags } from './sent-tags.js';

/** Destination of the FLV. If `write` returns false, the writer must wait until `resume` is called. */
export interface FlvSink {
  readonly accepting: boolean;
  write(buffers: readonly Buffer[]): boolean;
}

export interface FlvFeedOptions {
  readonly subscription: Subscription;
  readonly sink: FlvSink;
  readonly video: boolean;
  readonly audio: boolean;
  /**
   * How much stream time may wait here; bytes are limited by the subscription. Beyond it the oldest tags are dropped, up to the next key
   * frame.
   */
  readonly maxBehind: Milliseconds;
  /** Bytes of sent tags to keep in case FFmpeg dies. */
  readonly maxSentBytes: number;
  /** Presentation time up to which FFmpeg has delivered all its output. */
  readonly madeUntil: () => Milliseconds;
}

/**
 * Number of audio tags that wait to be written together with a picture: each write wakes FFmpeg, and audio alone would wake it 47 times a
 * second.
 */
const MAX_BATCHED_TAGS = 4;

/** Tolerance for timestamps rounded to whole milliseconds or to ticks of the encoder's timescale. */
const ROUNDING: Milliseconds = 1;

/**
 * The input of one FFmpeg: no tag of a track before its sequence header, no picture before a key frame, and no tag after a change of the
 * track's parameters, which needs another FFmpeg.
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
  /** Tags taken from the subscription but not written yet, and tags to be written again. In reverse order: the next one is at the end. */
  #waiting: LiveTag[] = [];
  /** Number of tags in `#waiting` that are written a second time, so that later tags can be decoded. These are never too old. */
  #again = 0;
  #newest: Milliseconds = Number.NEGATIVE_INFINITY;
  #droppedTags = 0;
  /** Tags that are written with the next picture. */
  #batch: Buffer[] = [];
  #batchedTags = 0;

  constructor(options: FlvFeedOptions) {
    this.#options = options;
    this.#sent = new SentTags({ ...options, maxBytes: options.maxSentBytes });
  }

  /** Number of tags dropped because they were too old when FFmpeg could take them. */
  get droppedTags(): number {
    return this.#droppedTags + this.#options.subscription.droppedTags;
  }

  /**
   * FFmpeg has ended.
   * @param again whether the next FFmpeg gets the tags from which this one produced no output. Otherwise they are dropped, for example
   * because they made it crash
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

  /**
   * A new FFmpeg waits for its input.
   * @param sound an audio frame to begin with, because the audio has paused. What FFmpeg makes from it is not used
   */
  begin(sound?: LiveTag): void {
    const { sink, video, audio } = this.#options;
    this.#startOver();
    this.#blocked = !sink.write([FLV_HEADER(audio, video)]);
    for (const header of [this.#videoHeader, this.#audioHeader]) if (header !== undefined) this.#write(header);
    const first = this.#waiting.at(-1);
    if (sound !== undefined && audio && first !== undefined) this.#write({ ...sound, dts: first.dts });
    this.pump();
  }

  /** The sink can take data again. */
  resume(): void {
    this.#blocked = false;
    this.pump();
  }

  /** Call when the publisher has sent a tag with this time. */
  note(dts: Milliseconds): void {
    this.#newest = Math.max(this.#newest, dts);
    if (this.#blocked) this.#dropOld();
  }

  /**
   * For an FFmpeg that is about to start: presentation time of the first key frame (without video, the first sample) in its input;
   * undefined if none is queued. Drops the tags before it, which FFmpeg would not get anyway.
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

  /** Presentation time of the first queued picture that is not before `time`, with tolerance for rounded timestamps. */
  pictureAt(time: Milliseconds): Milliseconds | undefined {
    let first: Milliseconds | undefined;
    for (const { kind, sequenceHeader, dts, compositionTime } of this.#waiting) {
      const pts = dts + compositionTime;
      const isNearer = pts >= time - ROUNDING && pts < (first ?? Number.POSITIVE_INFINITY);
      if (kind === 'video' && !sequenceHeader && isNearer) first = pts;
    }
    return first;
  }

  /** Moves the available tags. Call it whenever source or sink may have become ready. */
  pump(): void {
    const { sink } = this.#options;
    this.#dropOld();
    // While no FFmpeg accepts input, the tags stay in the subscription, so that the next FFmpeg can start at a key frame among them.
    while (!this.#blocked && sink.accepting) {
      const tag = this.#take();
      if (tag === undefined) return;
      this.#route(tag);
    }
  }

  /** This FFmpeg gets no more input: writes all tags so far, even beyond the mark at which the writer normally waits. */
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

  /** Drops tags that have waited too long to be worth encoding, up to the next recent key frame. */
  #dropOld(): void {
    if (this.#again > 0) return;
    const oldest = this.#newest - this.#options.maxBehind;
    let dropping = false;
    for (let tag = this.#take(); tag !== undefined; tag = this.#take()) {
      // Headers and metadata are kept: they are small, have no time of their own, and later tags cannot be decoded without them.
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
    // Without a picture first, FFmpeg would begin with audio, and the first segment would have no key frame.
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
