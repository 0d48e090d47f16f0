// Encoders that send several sizes of one picture save the gateway a transcode: their further tracks are kept beside the first.
import { SluiceError } from '../protocols/errors.js';
import { videoCodecName } from '../protocols/flv/codecs.js';
import type { VideoTag } from '../protocols/flv/video-tag.js';
import { describeVideo, type VideoDescription } from '../protocols/mp4/video-description.js';
import type { Milliseconds } from '../protocols/units.js';
import { liveError } from './errors.js';
import type { IngestContext } from './ingest-context.js';
import { frameKind } from './key-frame.js';
import { videoBody } from './media-body.js';
import { checkPicture } from './picture-limits.js';
import type { LiveTag } from './tag.js';
import type { VideoTrack } from './video-track.js';

/** More sizes of one picture than any encoder makes. */
const MAX_EXTRA_VIDEO_TRACKS = 8;

interface ExtraTrack {
  track: VideoTrack | undefined;
  received: Buffer | undefined;
  started: boolean;
  last: Milliseconds;
}

export class ExtraVideoTracks {
  readonly #context: IngestContext;
  readonly #tracks = new Map<number, ExtraTrack>();
  readonly #described = new Map<number, VideoTrack>();
  #warned = false;
  /** Messages of tracks that are left out. */
  unserved = 0;

  constructor(context: IngestContext) {
    this.#context = context;
  }

  /** By track id, those that can be decoded. */
  get tracks(): ReadonlyMap<number, VideoTrack> {
    return this.#described;
  }

  /**
   * @param tags the further tracks of the message `body`
   * @param main track 0, which the others have to resemble; undefined while it is not known
   * @throws live.parameter-changes
   */
  accept(timestamp: Milliseconds, tags: readonly VideoTag[], body: Buffer, main: VideoTrack | undefined): void {
    for (const tag of tags) {
      const { trackId } = tag;
      if (tag.packetType === 'ignored' || tag.packetType === 'end-of-sequence') continue;
      const track = this.#tracks.get(trackId);
      // A header may come before that of track 0; frames alone never make a track.
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
        this.#acceptFrame(trackId, track, tag, body, timestamp);
      }
    }
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
    const media = videoBody(tag, body, { codec, keyFrame: true });
    const track: VideoTrack = { codec, configuration: media.data, description };
    const changed = before?.track !== undefined;
    this.#tracks.set(trackId, { started: false, last: -1, ...before, track, received: media.data });
    this.#described.set(trackId, track);
    if (changed) this.#context.noteParameterChange('video');
    this.#emit({ dts: this.#context.timeline.position('video'), keyFrame: false, sequenceHeader: true }, trackId, {
      ...media,
      codec,
      compositionTime: 0,
      changed,
    });
  }

  #acceptFrame(trackId: number, state: ExtraTrack, tag: VideoTag, body: Buffer, timestamp: Milliseconds): void {
    const { track } = state;
    const time = this.#context.timeline.at('video', timestamp);
    if (track === undefined || time === undefined || tag.codec !== track.codec) return;
    const { codec, description } = track;
    const { nalLengthSize } = description;
    const kind = tag.keyFrame
      ? frameKind(codec, tag.data, {
          ...(nalLengthSize !== undefined && { nalLengthSize }),
          sequenceHeaderKnown: codec === 'av1' && description.width !== undefined,
        })
      : 'inter';
    const keyFrame = kind !== 'inter';
    if (!state.started && !keyFrame) return;
    const unsized = kind === 'key' && description.width === undefined;
    if (unsized && !this.#describeByKeyFrame(trackId, state, track, tag.data)) return;
    state.started = true;
    // The same instant as in track 0; strictly increasing as there.
    state.last = Math.max(time, state.last + 1);
    this.#emit({ dts: state.last, keyFrame, sequenceHeader: false }, trackId, {
      ...videoBody(tag, body, { codec, keyFrame }),
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
      this.#described.set(trackId, state.track);
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
    this.#described.delete(trackId);
    if (this.#warned) return;
    this.#warned = true;
    this.#context.warn(liveError('live.extra-track', reason));
  }
}
