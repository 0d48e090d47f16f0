// Puts what needs no encoding into the presentation as it came: the publisher's own coded frames, behind an init segment of ours.
import type { Presentation } from '../hls/presentation.js';
import type { LiveStream } from '../live/stream.js';
import type { LiveTag } from '../live/tag.js';
import { writeInitSegment } from '../protocols/mp4/init-segment-writer.js';
import { extraTrackName, type StreamPlan } from './stream-plan.js';

/** Ticks per second of video: whole for milliseconds and for the frame rates people use. */
const VIDEO_TIMESCALE = 90_000;

export interface NativePackagerOptions {
  readonly stream: LiveStream;
  readonly presentation: Presentation;
}

/** One for each epoch: the renditions that are copied and the tracks they are made of. */
export class NativePackager {
  readonly #presentation: Presentation;
  /** By track id. */
  readonly #video = new Map<number, string>();
  readonly #audio: boolean;
  readonly #samplesPerFrame: number | undefined;

  /** Sets the init segments in force from the next sample on. */
  constructor({ stream, presentation }: NativePackagerOptions, plan: StreamPlan) {
    this.#presentation = presentation;
    const copied = plan.renditions.filter(({ mode }) => mode === 'copy');
    const { videoTrack, audioTrack, extraVideoTracks } = stream;
    if (videoTrack !== undefined && copied.some(({ kind }) => kind === 'video')) this.#addVideo(0, 'source', videoTrack);
    for (const { trackId } of plan.extraTracks) {
      const track = extraVideoTracks.get(trackId);
      if (track !== undefined) this.#addVideo(trackId, extraTrackName(trackId), track);
    }
    this.#audio = audioTrack?.description !== undefined && copied.some(({ kind }) => kind === 'audio');
    if (audioTrack?.description !== undefined && this.#audio) {
      const { description, configuration } = audioTrack;
      this.#samplesPerFrame = description.samplesPerFrame;
      const timescale = description.sampleRate;
      presentation.setTrack('audio', writeInitSegment({ trackId: 1, timescale, description, configuration }));
    }
  }

  /** A tag with media, of any track. */
  write(tag: LiveTag): void {
    const { kind, dts, compositionTime: cts, keyFrame: sync, data } = tag;
    if (kind === 'video') {
      const rendition = this.#video.get(tag.trackId);
      if (rendition !== undefined) this.#presentation.writeSample(rendition, { dts, cts, sync, data });
    } else if (kind === 'audio' && this.#audio) {
      const sampleCount = this.#samplesPerFrame;
      this.#presentation.writeSample('audio', {
        dts,
        cts: 0,
        sync: true,
        data,
        ...(sampleCount !== undefined && { sampleCount }),
      });
    }
  }

  #addVideo(trackId: number, rendition: string, track: NonNullable<LiveStream['videoTrack']>): void {
    const { description, configuration } = track;
    this.#video.set(trackId, rendition);
    this.#presentation.setTrack(
      rendition,
      writeInitSegment({ trackId: 1, timescale: VIDEO_TIMESCALE, description, configuration }),
    );
  }
}
