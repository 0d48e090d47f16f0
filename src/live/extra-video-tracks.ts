// Keeps the further video tracks of encoders that send one picture in several sizes, which saves the gateway a transcode.
import { SluiceError } from '../protocols/errors.js';
import { videoCodecName } from '../protocols/flv/codecs.js';
import type { VideoTag } from '../protocols/flv/video-tag.js';
import { type DescribedVideoCodec, describeVideo, type VideoDescription } from '../protocols/mp4/video-description.js';
import type { Milliseconds } from '../protocols/units.js';
import { liveError } from './errors.js';
import type { IngestContext } from './ingest-context.js';
import { videoBody } from './media-body.js';
import { checkPicture } from './picture-limits.js';
import type { LiveTag } from './tag.js';
import type { VideoTrack } from './video-headers.js';
import { type VideoPicture, VideoPictures } from './video-pictures.js';

/** More sizes of one picture than any encoder sends. */
const MAX_EXTRA_VIDEO_TRACKS = 8;

interface ExtraTrack {
  track: VideoTrack | undefined;
  readonly pictures: VideoPictures;
  received: Buffer | undefined;
  started: boolean;
  last: Milliseconds;
}

export class ExtraVideoTracks {
  readonly #context: IngestContext;
  readonly #tracks = new Map<number, ExtraTrack>();
  #warned = false;
  /** Messages of tracks that are not used. */
  unserved = 0;

  constructor(context: IngestContext) {
    this.#context = context;
  }

  /**
   * @param tags the further tracks of the message `body`
   * @param main track 0, which the others must resemble; undefined while it is unknown
   * @throws live.parameter-changes
   */
  accept(timestamp: Milliseconds, tags: readonly VideoTag[], body: Buffer, main: VideoTrack | undefined): void {
    for (const tag of tags) {
      const { trackId } = tag;
      if (tag.packetType === 'ignored' || tag.packetType === 'end-of-sequence') continue;
      const track = this.#tracks.get(trackId);
      // The header of this track may come before that of track 0. Frames without a header never make a track.
      const codecFits = main === undefined || tag.codec === main.codec;
      const known = track !== undefined || tag.packetType === 'sequence-header';
      const fits = codecFits && known && (track !== undefined || this.#tracks.size < MAX_EXTRA_VIDEO_TRACKS);
      if (!fits) {
        this.#leaveOut(
          trackId,
          `video track ${trackId} (${videoCodecName(tag.codec)}) is not one that can be used beside the first`,
        );
      } else if (tag.packetType === 'sequence-header') {
        this.#acceptHeader(trackId, tag, body);
      } else if (track !== undefined) {
        if (tag.codec === track.track?.codec) track.pictures.accept({ tag, body, timestamp });
      }
    }
  }

  /** Emits held pictures, because their missing pieces would have come by now. */
  settle(): void {
    for (const { pictures } of this.#tracks.values()) pictures.settle();
  }

  /** Emits held pictures, because no more messages come. */
  flush(): void {
    for (const { pictures } of this.#tracks.values()) pictures.flush();
  }

  #acceptHeader(trackId: number, tag: VideoTag, body: Buffer): void {
    const { codec } = tag;
    const before = this.#tracks.get(trackId);
    if (before?.received?.equals(tag.data)) return;
    if (codec !== 'avc' && codec !== 'hevc' && codec !== 'av1' && codec !== 'vp9') {
      this.#leaveOut(
        trackId,
        `video track ${trackId} (${videoCodecName(codec)}) is not one that can be used beside the first`,
      );
      return;
    }
    let description: VideoDescription;
    try {
      description = describeVideo(codec, tag.data);
      checkPicture(description, this.#context.limits);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      this.#leaveOut(trackId, `video track ${trackId}: ${error.message}`);
      return;
    }
    before?.pictures.flush();
    const media = videoBody(tag, body, { codec, keyFrame: true, data: tag.data });
    const track: VideoTrack = { codec, configuration: media.data, description };
    const changed = before?.track !== undefined;
    const pictures = before?.track?.codec === codec ? before.pictures : this.#newPictures(trackId, codec);
    pictures.configure({ nalLengthSize: description.nalLengthSize, sequenceHeader: description.width !== undefined });
    this.#tracks.set(trackId, { started: false, last: -1, ...before, pictures, track, received: media.data });
    if (changed) this.#context.noteParameterChange('video');
    this.#emit({ dts: this.#context.timeline.position('video'), keyFrame: false, sequenceHeader: true }, trackId, {
      ...media,
      codec,
      compositionTime: 0,
      changed,
    });
  }

  #newPictures(trackId: number, codec: DescribedVideoCodec): VideoPictures {
    return new VideoPictures({
      codec,
      repair: this.#context.repair,
      onPicture: (picture) => {
        const state = this.#tracks.get(trackId);
        if (state !== undefined) this.#acceptPicture(trackId, state, picture);
      },
    });
  }

  #acceptPicture(trackId: number, state: ExtraTrack, { message, timestamp, kind, data }: VideoPicture): void {
    const { tag, body } = message;
    const { track } = state;
    const time = this.#context.timeline.at('video', timestamp);
    if (track === undefined || time === undefined) return;
    const { codec, description } = track;
    const keyFrame = kind === 'unknown' ? tag.keyFrame : kind !== 'inter';
    if (!state.started && !keyFrame) return;
    const media = videoBody(tag, body, { codec, keyFrame, data });
    const unsized = kind === 'key' && description.width === undefined;
    if (unsized && !this.#describeByKeyFrame(trackId, state, track, media.data)) return;
    state.started = true;
    // The same time as in track 0, and strictly increasing, as there.
    state.last = Math.max(time, state.last + 1);
    this.#emit({ dts: state.last, keyFrame, sequenceHeader: false }, trackId, {
      ...media,
      codec,
      compositionTime: tag.compositionTime,
      changed: false,
    });
  }

  #describeByKeyFrame(trackId: number, state: ExtraTrack, track: VideoTrack, data: Buffer): boolean {
    try {
      const description = describeVideo(track.codec, track.configuration, data);
      checkPicture(description, this.#context.limits);
      state.track = { ...track, description };
      state.pictures.configure({ nalLengthSize: description.nalLengthSize, sequenceHeader: true });
      return true;
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      this.#leaveOut(trackId, `video track ${trackId}: ${error.message}`);
      return false;
    }
  }

  #emit(
    when: Pick<LiveTag, 'dts' | 'keyFrame' | 'sequenceHeader'>,
    trackId: number,
    what: Pick<LiveTag, 'body' | 'data' | 'codec' | 'compositionTime' | 'changed'>,
  ): void {
    this.#context.emit({ kind: 'video', trackId, discontinuity: false, ...when, ...what });
  }

  #leaveOut(trackId: number, reason: string): void {
    this.unserved += 1;
    this.#tracks.delete(trackId);
    if (this.#warned) return;
    this.#warned = true;
    this.#context.warn(liveError('live.extra-track', reason));
  }
}
