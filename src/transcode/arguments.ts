// The whole FFmpeg command line of a stream as a pure function of its plan, so that a golden file can show it to a reviewer.
import { assertNever } from '../protocols/errors.js';
import { toArgumentList } from './fluent-command.js';
import { fragmentDurationMicroseconds } from './part-timing.js';
import type { AudioSpec, EncodedVideoSpec, RenditionSpec, TranscodePlan, VideoSpec } from './rendition-spec.js';

/** fd of the first rendition: 0, 1 and 2 are stdin, stdout and stderr. */
export const FIRST_OUTPUT_FD = 3;

/** Media time, microseconds, in which both tracks must show themselves before FFmpeg starts without the parameters of one. */
const ANALYZE_DURATION = 1_000_000;
/** Bytes; above the largest key frame that 1 s of any source within the limits holds. */
const PROBE_SIZE = 8_000_000;
/** The least FFmpeg takes, bytes: the first packet is enough for a single track. */
const MIN_PROBE_SIZE = 32;
/** Luma samples per second that one slice thread of veryfast x264 encodes with ease. */
const SAMPLES_PER_THREAD = 1280 * 720 * 30;
const MAX_THREADS = 8;
/** ISO/IEC 14496-3: AAC-LC. */
const SAMPLES_PER_AAC_FRAME = 1024;
/** One would cost the gateway 47 reads a second; three come 64 ms late at most, before the pictures they belong to are encoded. */
const AUDIO_FRAMES_PER_FRAGMENT = 3;
/** x264's X264_KEYINT_MAX_INFINITE: only the source starts a group of pictures. */
const INFINITE_GOP = 1 << 30;

/**
 * FLV comes in on fd 0; rendition `i` goes out on fd `3 + i`, progress on fd `3 + renditions.length`.
 * Needs nothing but the plan: no path, no name of a stream, no key is ever an argument.
 *
 * The input must be an FLV header whose flags name exactly the tracks of `plan.source`, the sequence headers, then media
 * whose first tag is a key frame if there is video.
 */
export function buildFfmpegArguments(plan: TranscodePlan): string[] {
  const encoded = plan.renditions.filter((spec) => spec.kind === 'video' && spec.mode === 'encode');
  return toArgumentList({
    inputOptions: inputOptions(plan),
    input: 'pipe:0',
    filters: scalingFilters(encoded),
    outputs: plan.renditions.map((spec, index) => ({
      options: [...trackOptions(spec, encoded), ...muxerOptions(spec, plan)],
      target: `pipe:${FIRST_OUTPUT_FD + index}`,
    })),
  });
}

function inputOptions(plan: TranscodePlan): string[] {
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'level+warning'],
    ...['-progress', `pipe:${FIRST_OUTPUT_FD + plan.renditions.length}`, '-stats_period', '1'],
    // tfdt is the stream's own timeline, the same on every track (with frag_discont below).
    '-copyts',
    ...probeOptions(plan),
    // Frame threads would hold back one picture per core; slice threads hold back none.
    ...['-thread_type', 'slice'],
    ...['-protocol_whitelist', 'pipe', '-f', 'flv'],
  ];
}

/**
 * A single track is known by its first packet (13 ms to the init segment, measured). With two tracks FFmpeg must see a packet of
 * each: with less it writes the sample rate of the FLV tag (always 44100) into the init segment of AAC.
 */
function probeOptions(plan: TranscodePlan): string[] {
  const bothTracks = plan.source.video !== undefined && plan.source.audio !== undefined;
  if (!bothTracks) return ['-probesize', `${MIN_PROBE_SIZE}`];
  return ['-probesize', `${PROBE_SIZE}`, '-analyzeduration', `${ANALYZE_DURATION}`, '-fpsprobesize', '0'];
}

/** One decoder for all rungs; each is scaled from the source itself, not from the next larger one. */
function scalingFilters(encoded: readonly EncodedVideoSpec[]): string[] {
  if (encoded.length === 0) return [];
  const inputs = encoded.length === 1 ? ['[0:v]'] : encoded.map((_, index) => `[in${index}]`);
  const split = encoded.length === 1 ? [] : [`[0:v]split=${encoded.length}${inputs.join('')}`];
  const scales = encoded.map((spec, index) => {
    // Square pixels: the size already is the display size.
    return `${inputs[index]}scale=${spec.width}:${spec.height},setsar=1[rung${index}]`;
  });
  return [...split, ...scales];
}

function trackOptions(spec: RenditionSpec, encoded: readonly EncodedVideoSpec[]): string[] {
  switch (spec.kind) {
    case 'audio':
      return audioOptions(spec);
    case 'video':
      if (spec.mode === 'copy') return ['-map', '0:v:0', '-c:v', 'copy'];
      return ['-map', `[rung${encoded.indexOf(spec)}]`, ...x264Options(spec)];
    default:
      return assertNever(spec);
  }
}

function x264Options(spec: EncodedVideoSpec): string[] {
  return [
    // Every frame once, at its own time to the millisecond: key frames stay exactly on the source's.
    ...['-fps_mode', 'passthrough', '-enc_time_base', '1:1000'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-profile:v', 'high', '-pix_fmt', 'yuv420p'],
    ...['-bf', '0', '-sc_threshold', '0', '-g', `${INFINITE_GOP}`, '-keyint_min', '1'],
    ...['-forced-idr', '1', '-force_key_frames', 'source'],
    ...['-b:v', `${spec.bitrate}`, '-maxrate', `${spec.maxrate}`, '-bufsize', `${spec.bufsize}`],
    // zerolatency controls the rate per frame, and with a short probe FFmpeg only guesses how many there are in a second.
    ...['-x264-params', `fps=${Number(spec.frameRate.toFixed(3))}`, '-threads', `${encoderThreads(spec)}`],
  ];
}

/** Slices cost bits, so no more threads than the rung needs: a machine of many cores must not make thirty slices of 360p. */
function encoderThreads(spec: EncodedVideoSpec): number {
  const samplesPerSecond = spec.width * spec.height * spec.frameRate;
  return Math.min(MAX_THREADS, Math.max(1, Math.ceil(samplesPerSecond / SAMPLES_PER_THREAD)));
}

function audioOptions(spec: AudioSpec): string[] {
  if (spec.mode === 'copy') return ['-map', '0:a:0', '-c:a', 'copy'];
  return [
    ...['-map', '0:a:0', '-c:a', 'aac', '-b:a', `${spec.bitrate}`],
    ...['-ar', `${spec.sampleRate}`, '-ac', `${spec.channels}`],
    // Fills holes with silence, so that audio stays where its timestamps say.
    ...['-filter:a', 'aresample=async=1'],
  ];
}

/** CMAF, one track: ISO/IEC 23000-19; a fragment per part for video, per few frames for audio (hls regroups those). */
function muxerOptions(spec: RenditionSpec, plan: TranscodePlan): string[] {
  // Every audio frame is a key frame to FFmpeg: it would cut at each.
  const cut = spec.kind === 'audio' ? '' : '+frag_keyframe';
  // With B-frames `+cmaf` writes negative composition offsets, which libavformat players show that much too late
  // (docs/decisions/0003): the copied source, the one track that may have B-frames, goes without.
  const mayReorder = spec.kind === 'video' && spec.mode === 'copy';
  return [
    // The publisher's metadata is not ours to hand on.
    ...['-map_metadata', '-1'],
    // Without skip_trailer FFmpeg remembers every fragment for an index at the end: 9 MB for each hour of audio (measured).
    ...[
      '-f',
      'mp4',
      '-movflags',
      `${mayReorder ? '' : '+cmaf'}${cut}+empty_moov+default_base_moof+frag_discont+skip_trailer`,
    ],
    // What +cmaf does besides: timestamps go in as they are, whatever the first one is.
    ...(mayReorder ? ['-use_editlist', '0', '-avoid_negative_ts', 'disabled'] : []),
    ...['-frag_duration', `${spec.kind === 'audio' ? audioFragment(spec) : videoFragment(spec, plan)}`],
    ...['-flush_packets', '1'],
  ];
}

/** FFmpeg cuts at the first frame that starts this long after the fragment's first: half a frame short of what is meant. */
function audioFragment(spec: AudioSpec): number {
  return Math.round(((AUDIO_FRAMES_PER_FRAGMENT - 0.5) * SAMPLES_PER_AAC_FRAME * 1_000_000) / spec.sampleRate);
}

function videoFragment(spec: VideoSpec, plan: TranscodePlan): number {
  return fragmentDurationMicroseconds(plan.partDuration, spec.frameRate);
}
