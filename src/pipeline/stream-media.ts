// Moves a publisher's media into the playlists of its name: plans it, presents it, packages it, and feeds it to FFmpeg.
import { silentFrame } from '../hls/packaging/silence.js';
import { Presentation, type SourceFrame } from '../hls/presentation.js';
import type { RepairKind } from '../live/repairs.js';
import type { LiveStream } from '../live/stream.js';
import type { LiveTag } from '../live/tag.js';
import type { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import { type AudioDescription, countSamples } from '../protocols/mp4/audio-description.js';
import { writeInitSegment } from '../protocols/mp4/init-segment-writer.js';
import { VIDEO_TIMESCALE } from '../protocols/units.js';
import type { RenditionSpec } from '../transcode/rendition-spec.js';
import type { Encoding } from './encoding.js';
import { pipelineError } from './errors.js';
import type { MediaTracks } from './media-tracks.js';
import { planPublisher } from './plan-publisher.js';
import type { Publisher } from './publisher.js';
import type { PeriodNews, StreamLog } from './stream-log.js';
import type { MessageReader, StreamPipelineOptions } from './stream-pipeline-options.js';
import { extraTrackName, periodPlan, type StreamPlan } from './stream-plan.js';

/**
 * Passes on the publisher's own coded frames, which need no encoding, with init segments made here. One per period: the copied renditions
 * and the tracks they are made from.
 */
class NativePackager {
  readonly #presentation: Presentation;
  /** Rendition by track id. */
  readonly #video = new Map<number, string>();
  readonly #audio: AudioDescription | undefined;

  /** Sets the init segments from the next sample on. @throws mp4.* for parameters that cannot be described */
  constructor(presentation: Presentation, media: MediaTracks, plan: StreamPlan) {
    this.#presentation = presentation;
    const copied = plan.renditions.filter(({ mode }) => mode === 'copy');
    if (copied.some(({ kind }) => kind === 'video')) this.#addVideo(media, 0, 'source');
    for (const { trackId } of plan.extraTracks) this.#addVideo(media, trackId, extraTrackName(trackId));
    const audio = copied.some(({ kind }) => kind === 'audio') ? media.audio() : undefined;
    this.#audio = audio?.description;
    if (this.#audio === undefined) return;
    const timescale = this.#audio.frameRateBase;
    presentation.setTrack('audio', writeInitSegment({ trackId: 1, timescale, description: this.#audio }));
  }

  /**
   * Converts a tag with media, of any track, to the form that the presentation takes.
   * @param mayCut whether a segment may begin with it
   */
  frame(tag: LiveTag, mayCut: boolean): SourceFrame {
    const { kind, trackId, dts, compositionTime: cts, keyFrame: sync, data } = tag;
    if (kind === 'video') {
      return {
        role: trackId > 0 ? 'extra' : 'video',
        mayCut,
        rendition: this.#video.get(trackId),
        dts,
        cts,
        sync,
        data,
      };
    }
    const sampleCount = this.#audio && countSamples(this.#audio, data);
    const rendition = this.#audio && 'audio';
    return { role: 'audio', mayCut, rendition, dts, cts: 0, sync: true, data, sampleCount };
  }

  #addVideo(media: MediaTracks, trackId: number, rendition: string): void {
    const description = media.video(trackId)?.description;
    if (description === undefined) return;
    this.#video.set(trackId, rendition);
    const init = writeInitSegment({ trackId: 1, timescale: VIDEO_TIMESCALE, description });
    this.#presentation.setTrack(rendition, init);
  }
}

export class StreamMedia {
  /** The presentation for all publishers of the name; undefined before the first is served. */
  presentation: Presentation | undefined;
  readonly #options: StreamPipelineOptions;
  readonly #domain: FailureDomain;
  readonly #log: StreamLog;
  readonly #encoding: Encoding;
  readonly #onChange: (publisher: Publisher) => void;
  #served: Publisher | undefined;
  /** Undefined if nobody reads data messages. */
  #messages: MessageReader | undefined;
  /** The stream of the publisher that was served last. */
  #stream: LiveStream | undefined;
  /** The packager of the current period. */
  #packager: NativePackager | undefined;
  /** Whether the next picture begins a period even if it is not a key frame, because in that period the gateway makes the key frames. */
  #cutsAnywhere = false;
  /** Whether every picture is encoded as a key frame. */
  #cutsEverywhere = false;
  /** Whether audio has come in this period. */
  #hasSound = false;

  /**
   * @param domain outlives the stream, because its playlists do.
   * @param onChange called when a new period is due
   */
  constructor(
    options: StreamPipelineOptions,
    domain: FailureDomain,
    log: StreamLog,
    encoding: Encoding,
    onChange: (publisher: Publisher) => void,
  ) {
    this.#options = options;
    this.#domain = domain;
    this.#log = log;
    this.#encoding = encoding;
    this.#onChange = onChange;
  }

  /** The publisher whose tags pass; the tags of every other one are held. */
  get served(): Publisher | undefined {
    return this.#served;
  }

  /** Whether audio of this publisher that stops is replaced by silence. */
  fillsSilence({ media }: Publisher): boolean {
    // FFmpeg makes AAC-LC, whose silent frame is known. Before the first audio it makes nothing.
    if (this.encodesSound) return this.#hasSound;
    const sound = this.#sound && media.audio()?.description;
    return silentFrame(sound?.codecs, sound?.channels) !== undefined;
  }

  /** Whether FFmpeg makes the audio of the current period. */
  get encodesSound(): boolean {
    return this.#sound?.mode === 'encode';
  }

  get #sound(): RenditionSpec | undefined {
    return this.#encoding.plan?.renditions.find(({ kind }) => kind === 'audio');
  }

  /** Plans how to serve this publisher. @throws what `planPublisher` throws */
  plan(publisher: Publisher): StreamPlan {
    const { ladder, ffmpeg } = this.#options;
    return planPublisher(publisher, this.#encoding, { ladder, ffmpeg, longGop: publisher.longGop.found });
  }

  /**
   * Begins a period of the name with this publisher: serves the tags that it holds, and then those that come.
   * @throws mp4.*
   */
  begin(what: PeriodNews, plan: StreamPlan, publisher: Publisher): void {
    this.presentation?.startPeriod(periodPlan(plan));
    this.presentation ??= this.#present(plan, publisher);
    this.#install(plan, publisher, this.presentation);
    this.#log.period(what, plan);
    this.#served = publisher;
    const held = publisher.held;
    publisher.held = [];
    // If one of these tags is a change, the tags after it are held again.
    for (const tag of held) this.take(publisher, tag);
  }

  /** From now on no tag passes. */
  hold(): void {
    this.#messages?.end();
    this.#served = undefined;
  }

  /** Takes the next tag of a publisher. */
  take(publisher: Publisher, tag: LiveTag): void {
    if (publisher !== this.#served) {
      publisher.held.push(tag);
      return;
    }
    if (tag.trackId > 0) {
      if (!tag.sequenceHeader) this.#pass(tag);
      return;
    }
    if (tag.momentary === true) {
      this.#messages?.message(tag);
      return;
    }
    const verdict = publisher.changes.note(tag);
    if (verdict === 'left-out') return;
    if (verdict === 'goes-on' && !this.#endsAtLongGop(publisher, tag)) {
      this.#pass(tag);
      return;
    }
    this.hold();
    publisher.held = [tag];
    this.#onChange(publisher);
  }

  #install(plan: StreamPlan, publisher: Publisher, presentation: Presentation): void {
    this.#stream = publisher.stream;
    this.#packager = new NativePackager(presentation, publisher.media, plan);
    this.#encoding.begin(plan, publisher, presentation);
    this.#cutsAnywhere = plan.keyFrames !== 'source';
    this.#cutsEverywhere = plan.keyFrames === 'every';
    this.#hasSound = false;
  }

  #present(plan: StreamPlan, publisher: Publisher): Presentation {
    const { app, name, origin, partDuration, segmentDuration, maxGop } = this.#options;
    const presentation = new Presentation({
      ...this.#options.presentation(),
      ...{ app, name, segmentDuration, partDuration, maxGop },
      plan: periodPlan(plan),
      clock: this.#domain.clock(this.#options.clock),
      domain: this.#domain,
      firstArrival: publisher.firstArrival,
      onLongGop: () => this.#onLongFirstGop(),
      onWarning: (warning) => this.#log.warning(warning),
      onPublisherFault: (fault, warning) => this.#report(fault, warning),
      onStoreRecovered: () => this.#log.storeRecovered(),
    });
    origin.attach(presentation);
    this.#options.onPresentation?.(presentation);
    this.#messages = this.#options.readMessages?.(presentation);
    return presentation;
  }

  /** Takes a tag with media, of any track. */
  #pass(tag: LiveTag): void {
    if (this.presentation === undefined || this.#packager === undefined) return;
    const isExtra = tag.trackId > 0;
    if (tag.kind === 'audio') this.#hasSound = true;
    const mayCut = tag.keyFrame || this.#cutsAnywhere;
    if (tag.kind === 'video' && !isExtra) this.#cutsAnywhere = this.#cutsEverywhere;
    this.presentation.take(this.#packager.frame(tag, mayCut));
    if (!isExtra) this.#messages?.frame(tag);
    if (tag.kind !== 'script' && !isExtra) this.#encoding.transcoder?.note(tag.kind, tag.dts);
  }

  /** Whether the GOP has become too long to cut. If so, the source is encoded from this tag on, in a new period. */
  #endsAtLongGop({ longGop }: Publisher, tag: LiveTag): boolean {
    longGop.note(tag);
    // Before anything is listed, the presentation detects this itself.
    const settled = this.presentation?.targetDuration !== undefined;
    if (!settled || !longGop.exceeds(tag) || !this.#canEncodeSource()) return false;
    longGop.find();
    this.#reportLongGop();
    return true;
  }

  /** Called by the presentation before it has listed anything. It starts again at once, and viewers do not notice. */
  #onLongFirstGop(): void {
    const { presentation } = this;
    const publisher = this.#served;
    if (presentation === undefined || publisher === undefined || !publisher.longGop.find()) return;
    this.#reportLongGop();
    if (!this.#canEncodeSource()) return;
    const plan = this.plan(publisher);
    if (plan.keyFrames === 'source') return;
    this.#encoding.discard();
    publisher.subscribe();
    presentation.startPeriod(periodPlan(plan));
    this.#install(plan, publisher, presentation);
    // The presentation has dropped its media, so everything is passed to it again, from the key frame on.
    for (const earlier of publisher.recent()) if (isMedia(earlier)) this.#pass(earlier);
  }

  #reportLongGop(): void {
    const { maxGop } = this.#options;
    this.#report(
      'rare-key-frames',
      pipelineError(
        'pipeline.long-gop',
        `no key frame for ${maxGop} s: set the keyframe interval of the encoder to 1 to 4 s`,
      ),
    );
  }

  /** Counts a fault of the publisher's media, and logs the first of each kind. */
  #report(fault: RepairKind, warning: SluiceError): void {
    if (this.#stream?.report(fault, warning.message) !== false) this.#log.warning(warning);
  }

  #canEncodeSource(): boolean {
    const source = this.#encoding.plan?.renditions.find(({ name }) => name === 'source');
    return this.#options.ffmpeg !== undefined && source?.mode === 'copy';
  }
}

function isMedia(tag: LiveTag): boolean {
  return tag.kind !== 'script' && !tag.sequenceHeader;
}
