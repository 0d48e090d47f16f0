// Packages media that needs no encoding: the publisher's own coded frames, with an init segment made by the gateway.
import type { Presentation, SourceFrame } from '../hls/presentation.js';
import type { LiveTag } from '../live/tag.js';
import { type AudioDescription, countSamples } from '../protocols/mp4/audio-description.js';
import { writeInitSegment } from '../protocols/mp4/init-segment-writer.js';
import { VIDEO_TIMESCALE } from '../protocols/units.js';
import type { MediaTracks } from './media-tracks.js';
import { extraTrackName, type StreamPlan } from './stream-plan.js';

/** One per period: the copied renditions and the tracks they are made from. */
export class NativePackager {
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
