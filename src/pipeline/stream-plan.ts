// How a publisher is served: its ladder, without what cannot be encoded here and now, and with what the playlists already offer.
import type { PeriodPlan, RenditionPlan } from '../hls/timeline/plan.js';
import { audioCodecName } from '../protocols/flv/codecs.js';
import type { Seconds } from '../protocols/units.js';
import { reasonAgainstAac } from '../transcode/browser-audio.js';
import type { SourceAudio, SourceDescription, SourceVideo } from '../transcode/describe-source.js';
import { fitLadder, isForSomeBrowsersOnly } from '../transcode/ladder.js';
import { canReadFromFlv, type FlvReader } from '../transcode/readable-codecs.js';
import {
  type CopiedVideoSpec,
  type EncodedSpec,
  type EncodedVideoSpec,
  encodedRenditions,
  type KeyFrames,
  type RenditionSpec,
  type TranscodePlan,
} from '../transcode/rendition-spec.js';
import { pipelineError } from './errors.js';

/** A further video track of the publisher (Enhanced RTMP multitrack), served without encoding. */
export interface ExtraTrack {
  readonly trackId: number;
  readonly codec?: SourceVideo['codec'] | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

export interface PlanRequest {
  readonly source: SourceDescription;
  readonly extraTracks: readonly ExtraTrack[];
  readonly ladder: readonly string[];
  /** Undefined if no FFmpeg was found. */
  readonly ffmpeg: FlvReader | undefined;
  /** Whether video may be encoded. */
  readonly mayEncodeVideo: boolean;
  /** Why video may not be encoded. */
  readonly refusal?: string;
  /** `regular`: the GOPs of the source are too long to cut. */
  readonly keyFrames: KeyFrames;
  /** Encoded video that the playlists of this name already offer. It is kept, whatever size the source has now. */
  readonly offered: readonly string[];
  /** Renditions that these playlists must not offer again. */
  readonly withdrawn: ReadonlySet<string>;
}

export interface StreamPlan {
  readonly source: SourceDescription;
  readonly renditions: readonly RenditionSpec[];
  readonly extraTracks: readonly ExtraTrack[];
  readonly keyFrames: KeyFrames;
  /** One sentence for each configured thing that is not served, or not as configured. docs/publishing.md lists them. */
  readonly shortcomings: readonly string[];
}

/** @throws transcode.ladder-invalid, transcode.ladder-empty, pipeline.nothing-to-serve */
export function planStream(request: PlanRequest): StreamPlan {
  const { source, ladder, ffmpeg, withdrawn } = request;
  const shortcomings: string[] = [];
  const keyFrames = request.mayEncodeVideo && ffmpeg !== undefined ? request.keyFrames : 'source';
  const wanted = fitLadder(ladder, source, { keyFrames, ...(ffmpeg !== undefined && { ffmpeg }) });
  const video = wanted.filter(({ kind }) => kind === 'video');
  const audio = wanted.filter(({ kind }) => kind === 'audio');
  const offered = [...video, ...missingRungs(request, video)].filter(({ name }) => !withdrawn.has(name));
  const renditions = [
    ...servedVideo(offered, request, shortcomings),
    ...audio.filter(({ name }) => !withdrawn.has(name)).flatMap((spec) => servedAudio(spec, request, shortcomings)),
  ];
  if (renditions.length === 0) {
    const why = shortcomings.length === 0 ? 'all renditions were withdrawn' : shortcomings.join('; ');
    throw pipelineError('pipeline.nothing-to-serve', `none of the published tracks can be served: ${why}`);
  }
  const extraTracks = source.video === undefined ? [] : request.extraTracks;
  reportCodec(request, renditions, shortcomings);
  const shown = planHdr(request, renditions, shortcomings);
  return { source: shown, renditions, extraTracks, keyFrames, shortcomings };
}

/**
 * If the source became smaller, the larger rungs are encoded at the size of the source, so that a player that chose one can continue with
 * it.
 */
function missingRungs({ source, offered }: PlanRequest, video: readonly RenditionSpec[]): RenditionSpec[] {
  if (source.video === undefined) return [];
  const made = new Set(video.map(({ name }) => name));
  const missing = offered.filter((name) => name !== 'source' && !made.has(name));
  return missing.flatMap((name) => {
    const [spec] = fitLadder([name], { ...(source.video && { video: source.video }) });
    return spec?.kind === 'video' && spec.mode === 'encode' ? [{ ...spec, name }] : [];
  });
}

/** Returns these renditions, or only the unencoded source if no picture can be encoded. */
function servedVideo(
  renditions: readonly RenditionSpec[],
  { source, ffmpeg, mayEncodeVideo, refusal = 'the machine is full' }: PlanRequest,
  shortcomings: string[],
): RenditionSpec[] {
  const { video } = source;
  if (video === undefined || !renditions.some(({ mode }) => mode === 'encode')) return [...renditions];
  const reason = reasonAgainstEncoding(video, ffmpeg) ?? (mayEncodeVideo ? undefined : refusal);
  if (reason === undefined) return [...renditions];
  const left = renditions.filter(({ mode }) => mode === 'encode').map(({ name }) => name);
  shortcomings.push(`${left.join(', ')} cannot be encoded: ${reason}`);
  return [renditions.find(({ mode }) => mode === 'copy') ?? copiedSource(video)];
}

const CODEC_NAMES = { avc: 'H.264', hevc: 'HEVC', av1: 'AV1', vp9: 'VP9' } as const;

/** Whether some browsers show nothing unless a picture is encoded: the publisher sends none that all of them decode. */
export function needsEncodedVideo({ source, extraTracks }: Pick<StreamPlan, 'source' | 'extraTracks'>): boolean {
  const { video } = source;
  return video !== undefined && isForSomeBrowsersOnly(video) && !extraTracks.some(({ codec }) => codec === 'avc');
}

/** Reports video that is served only in a codec that some browsers cannot decode. */
function reportCodec(request: PlanRequest, renditions: readonly RenditionSpec[], shortcomings: string[]): void {
  const { video } = request.source;
  if (video === undefined || !needsEncodedVideo(request)) return;
  const pictures = renditions.filter(({ kind }) => kind === 'video');
  if (pictures.length === 0 || pictures.some(({ mode }) => mode === 'encode')) return;
  const codec = CODEC_NAMES[video.codec];
  shortcomings.push(
    `the pictures are ${codec} and are served in no other codec: browsers without ${codec} show none; have a rung such as 720p encoded, or set the encoder to H.264`,
  );
}

/**
 * Decides how HDR is served. The source rendition stays HDR if it is passed through; encoded renditions become SDR if FFmpeg can do that.
 * @returns the description of the source for FFmpeg
 */
function planHdr(
  { source, ffmpeg }: PlanRequest,
  renditions: readonly RenditionSpec[],
  shortcomings: string[],
): SourceDescription {
  const { video } = source;
  if (video?.hdr === undefined) return source;
  const what = `the pictures are HDR (${video.hdr})`;
  const encoded = renditions.filter(({ kind, mode }) => kind === 'video' && mode === 'encode').map(({ name }) => name);
  if (encoded.length === 0) {
    // No rendition is SDR.
    shortcomings.push(
      `${what} and are served in no other form: screens without HDR show them pale; add a rung such as 720p to the ladder, or set the encoder to SDR (BT.709)`,
    );
    return source;
  }
  if (ffmpeg?.toneMapping !== false) return source;
  shortcomings.push(
    `${what}, and ${encoded.join(', ')} will look pale: FFmpeg ${ffmpeg.versionText} lacks the filters zscale and tonemap; install one that has them, or set the encoder to SDR (BT.709)`,
  );
  // The pictures stay HDR. Without this label, `arguments.ts` does not ask for tone mapping, which this FFmpeg cannot do.
  const { hdr: _, ...unlabelled } = video;
  return { ...source, video: unlabelled };
}

function reasonAgainstEncoding(video: SourceVideo, ffmpeg: FlvReader | undefined): string | undefined {
  if (ffmpeg === undefined) return 'there is no FFmpeg';
  if (!canReadFromFlv(video.codec, ffmpeg)) return `FFmpeg ${ffmpeg.versionText} cannot read ${video.codec} from FLV`;
  return undefined;
}

/** Some players can play it, so it is better than nothing. */
function copiedSource(video: SourceVideo): CopiedVideoSpec {
  const { width, height, frameRate, bitrate } = video;
  const spec = { name: 'source', kind: 'video', mode: 'copy', width, height, frameRate } as const;
  return { ...spec, ...(bitrate !== undefined && { bitrate }) };
}

/**
 * Audio codecs that can be packaged without encoding, even if some browsers cannot play them: `isCopiedAudio` in `transcode/ladder.ts`
 * decides which are encoded nevertheless.
 */
const PACKAGED_AUDIO: ReadonlySet<SourceAudio['codec']> = new Set(['aac', 'opus', 'flac', 'ac-3', 'e-ac-3']);

/** Reports sound that FFmpeg would encode if it could read it. */
function reportPassedSound({ codec }: SourceAudio, ffmpeg: FlvReader | undefined, shortcomings: string[]): void {
  if (ffmpeg !== undefined && canReadFromFlv(codec, ffmpeg)) return;
  const name = audioCodecName(codec);
  const lack = ffmpeg === undefined ? 'there is no FFmpeg' : `FFmpeg ${ffmpeg.versionText} cannot read it from FLV`;
  shortcomings.push(
    `the sound is ${name} and goes out as it comes, because ${lack}: not every browser plays ${name}, and those that do not show no pictures either; set the encoder to AAC-LC, or install FFmpeg 8.0 or later`,
  );
}

function servedAudio(spec: RenditionSpec, { source, ffmpeg }: PlanRequest, shortcomings: string[]): RenditionSpec[] {
  const { audio } = source;
  if (audio === undefined) return [spec];
  if (audio.codec !== 'aac' && PACKAGED_AUDIO.has(audio.codec)) reportPassedSound(audio, ffmpeg, shortcomings);
  if (spec.mode === 'copy') return [spec];
  const reason = audio.codec === 'aac' ? reasonAgainstAac(audio) : undefined;
  const encoded = ffmpeg !== undefined && canReadFromFlv(audio.codec, ffmpeg);
  if (reason !== undefined) {
    const made = encoded ? 'the sound is encoded to AAC-LC, stereo' : 'the sound goes out as it comes';
    const lack = encoded ? '' : ', and there is no FFmpeg to encode it';
    shortcomings.push(
      `${made}: browsers do not play ${reason}${lack}; set the encoder to AAC-LC, mono, stereo or 5.1, of 44100 or 48000 Hz`,
    );
  }
  if (encoded) return [spec];
  if (!PACKAGED_AUDIO.has(audio.codec)) {
    shortcomings.push(`the sound is left out: ${audio.codec} has to be encoded, and no FFmpeg is here that reads it`);
    return [];
  }
  const { bitrate } = spec;
  const { sampleRate, channels } = audio;
  return [
    {
      name: 'audio',
      kind: 'audio',
      mode: 'copy',
      bitrate: audio.bitrate ?? bitrate ?? 0,
      ...(sampleRate !== undefined && { sampleRate }),
      ...(channels !== undefined && { channels }),
    },
  ];
}

/** The video renditions that FFmpeg makes, the most expensive first. `source` comes last, because viewers would miss it most. */
export function byCost(renditions: readonly RenditionSpec[]): EncodedVideoSpec[] {
  const rungs = encodedRenditions(renditions).filter((spec) => spec.kind === 'video');
  const cost = ({ name, width, height, frameRate }: EncodedVideoSpec): number =>
    name === 'source' ? 0 : width * height * frameRate;
  return rungs.sort((a, b) => cost(b) - cost(a));
}

/** The plan in the terms of HLS. */
export function periodPlan(plan: StreamPlan): PeriodPlan {
  const frameRate = plan.source.video?.frameRate;
  const video = plan.renditions.filter(({ kind }) => kind === 'video').map(renditionPlan);
  const audio = plan.renditions.filter(({ kind }) => kind === 'audio').map(renditionPlan);
  const extra = plan.extraTracks.map(
    ({ trackId, width, height }): RenditionPlan => ({
      name: extraTrackName(trackId),
      kind: 'video',
      input: 'samples',
      width,
      height,
      frameRate,
    }),
  );
  return {
    renditions: [...video, ...extra, ...audio],
    frameRate,
    cuts: plan.keyFrames === 'regular' ? 'regular' : 'key-frames',
  };
}

export function extraTrackName(trackId: number): string {
  return `track${trackId}`;
}

function renditionPlan(spec: RenditionSpec): RenditionPlan {
  return { ...spec, input: spec.mode === 'copy' ? 'samples' : 'pipe' };
}

/** Undefined if FFmpeg has nothing to do. */
export function transcodePlan(
  plan: StreamPlan,
  durations: { readonly partDuration: Seconds; readonly segmentDuration: Seconds },
): TranscodePlan | undefined {
  const renditions: readonly EncodedSpec[] = encodedRenditions(plan.renditions);
  if (renditions.length === 0) return undefined;
  return { source: plan.source, renditions, keyFrames: plan.keyFrames, ...durations };
}
