// Derives the tracks of a publisher from its tags: the sequence headers in force, and the frames that show what headers do not say.
import type { LiveTag } from '../live/tag.js';
import { type AudioDescription, type DescribedAudioCodec, describeAudio } from '../protocols/mp4/audio-description.js';
import { type DescribedVideoCodec, describeVideo, type VideoDescription } from '../protocols/mp4/video-description.js';
import type { Milliseconds } from '../protocols/units.js';
import type { SourceHints, SourceTracks } from '../transcode/describe-source.js';

/** FFmpeg waits this long for the first audio frame. */
const SOUND_PAUSE: Milliseconds = 1_000;

interface Track {
  readonly codec: LiveTag['codec'];
  header: LiveTag | undefined;
  /** The first frame since the header at which decoding can start. */
  first: LiveTag | undefined;
}

export interface DescribedVideo {
  readonly configuration: Buffer | undefined;
  readonly description: VideoDescription;
}

export interface DescribedAudio {
  readonly configuration: Buffer | undefined;
  readonly description: AudioDescription;
}

const DESCRIBED_VIDEO: ReadonlySet<unknown> = new Set<DescribedVideoCodec>(['avc', 'hevc', 'av1', 'vp9']);
const DESCRIBED_AUDIO: ReadonlySet<unknown> = new Set<DescribedAudioCodec>([
  'aac',
  'mp3',
  'opus',
  'flac',
  'ac-3',
  'e-ac-3',
]);

export class MediaTracks {
  /** By track id. */
  readonly #video = new Map<number, Track>();
  #audio: Track | undefined;
  /** Times of the newest picture and the newest audio frame. */
  #pictures: Milliseconds = 0;
  #sound: Milliseconds = 0;

  note(tag: LiveTag): void {
    if (tag.kind === 'video') {
      this.#video.set(tag.trackId, noted(this.#video.get(tag.trackId), tag));
      this.#pictures = tag.dts;
    } else if (tag.kind === 'audio' && tag.trackId === 0) {
      this.#audio = noted(this.#audio, tag);
      if (!tag.sequenceHeader) this.#sound = tag.dts;
    }
  }

  /** An audio frame, if the audio pauses: without it, an FFmpeg that starts now would not learn that there is audio. */
  get pausedSound(): LiveTag | undefined {
    return this.#pictures - this.#sound > SOUND_PAUSE ? this.#audio?.first : undefined;
  }

  /** Ids of the further video tracks, in ascending order. */
  get extraVideo(): number[] {
    return [...this.#video.keys()].filter((id) => id > 0).sort((a, b) => a - b);
  }

  /** @throws what `describeVideo` throws */
  video(trackId = 0): DescribedVideo | undefined {
    const track = this.#video.get(trackId);
    if (track === undefined || !isDescribedVideo(track.codec)) return undefined;
    const configuration = track.header?.data;
    return { configuration, description: describeVideo(track.codec, configuration, track.first?.data) };
  }

  /** Undefined for codecs that can only be encoded. @throws what `describeAudio` throws */
  audio(): DescribedAudio | undefined {
    const track = this.#audio;
    if (track === undefined || !isDescribedAudio(track.codec)) return undefined;
    const configuration = track.header?.data;
    return { configuration, description: describeAudio(track.codec, configuration, track.first?.data) };
  }

  /** For `describeSource`. */
  source(tracks: { readonly video: boolean; readonly audio: boolean }, metadata: SourceHints): SourceTracks {
    const video = tracks.video ? this.#sourceVideo() : undefined;
    const audio = tracks.audio ? this.#sourceAudio() : undefined;
    return { ...(video && { video }), ...(audio && { audio }), metadata };
  }

  #sourceVideo(): SourceTracks['video'] {
    const track = this.#video.get(0);
    if (typeof track?.codec !== 'string') return undefined;
    const description = this.video()?.description;
    return {
      codec: track.codec as NonNullable<SourceTracks['video']>['codec'],
      configuration: track.header?.data ?? Buffer.alloc(0),
      ...(description && { description }),
    };
  }

  #sourceAudio(): SourceTracks['audio'] {
    const track = this.#audio;
    if (typeof track?.codec !== 'string') return undefined;
    const description = this.audio()?.description;
    return {
      codec: track.codec as NonNullable<SourceTracks['audio']>['codec'],
      ...(track.header && { configuration: track.header.data }),
      ...(description && { description }),
    };
  }
}

function noted(track: Track | undefined, tag: LiveTag): Track {
  if (tag.sequenceHeader) return { codec: tag.codec, header: tag, first: undefined };
  const known = track !== undefined && track.codec === tag.codec ? track : undefined;
  if (known?.first !== undefined) return known;
  const first = tag.kind === 'audio' || tag.keyFrame ? tag : undefined;
  return { codec: tag.codec, header: known?.header, first };
}

function isDescribedVideo(codec: unknown): codec is DescribedVideoCodec {
  return DESCRIBED_VIDEO.has(codec);
}

function isDescribedAudio(codec: unknown): codec is DescribedAudioCodec {
  return DESCRIBED_AUDIO.has(codec);
}
