// Builds the whole FFmpeg command line of a stream as a pure function of its plan, so that golden files can show it to a reviewer.
import { assertNever } from '../protocols/errors.js';
import { type Milliseconds, millisecondsToSeconds, VIDEO_TIMESCALE } from '../protocols/units.js';
import type { HdrTransfer, SourceVideo } from './describe-source.js';
import { toArgumentList } from './fluent-command.js';
import { fragmentDurationMicroseconds } from './fragment-duration.js';
import {
  type EncodedAudioSpec,
  type EncodedSpec,
  type EncodedVideoSpec,
  fedTracks,
  type TranscodePlan,
  type WantedFrom,
} from './rendition-spec.js';

/** File descriptor of the first rendition: 0, 1 and 2 are stdin, stdout and stderr. */
export const FIRST_OUTPUT_FD = 3;

/** Media time in microseconds within which both tracks must appear. After that FFmpeg starts without the parameters of the missing one. */
const ANALYZE_DURATION = 1_000_000;
/** Bytes; larger than the largest key frame in 1 s of any source within the limits. */
const PROBE_SIZE = 8_000_000;
/** The smallest value that FFmpeg accepts, in bytes: for a single track the first packet is enough. */
const MIN_PROBE_SIZE = 32;
/** Luma samples per second that one slice thread of x264 (veryfast) can easily encode. */
const SAMPLES_PER_THREAD = 1280 * 720 * 30;
const MAX_THREADS = 8;
/** Luma samples per second that one thread can easily decode. */
const SAMPLES_PER_DECODER_THREAD = 1920 * 1080 * 60;
const MAX_DECODER_THREADS = 4;
/** ISO/IEC 14496-3: AAC-LC. */
const SAMPLES_PER_AAC_FRAME = 1024;
/**
 * Single frames would cost the gateway 47 reads a second. Three frames arrive at most 64 ms later, which is still before their pictures are
 * encoded.
 */
const AUDIO_FRAMES_PER_FRAGMENT = 3;
/** The luminance that becomes white in SDR, in candela per square metre. */
const NOMINAL_PEAK = 100;
/** x264's X264_KEYINT_MAX_INFINITE: only forced key frames start a GOP. */
const INFINITE_GOP = 1 << 30;
/** In seconds. Timestamps are whole milliseconds, and the quotient of two may be slightly below a whole number. */
const TIME_EPSILON = 0.0001;
/** Timestamps in FLV are whole milliseconds. */
const PICTURE_ROUNDING: Milliseconds = 0.5;

/**
 * FLV is read from fd 0; rendition `i` is written to fd `3 + i`, progress to fd `3 + renditions.length`. The result depends on the plan
 * alone: no path, stream name or key is ever an argument.
 *
 * The input must be an FLV header whose flags name exactly the tracks of `fedTracks(plan)`, their sequence headers, then media whose first
 * tag is a key frame if video is fed.
 * ¶ @param firstPicture presentation time of that key frame; needed only for `regular` key frames, because FFmpeg counts from it
 * ¶ @param wantedFrom media before these times is decoded but not encoded; see `WantedFrom`
 * ¶ @throws {TypeError} for a plan without renditions
 */
export function buildFfmpegArguments(
  plan: TranscodePlan,
  firstPicture: Milliseconds = 0,
  wantedFrom: WantedFrom = new Map(),
): string[] {
  if (plan.renditions.length === 0) throw new TypeError('got a plan without renditions, expected something to encode');
  const rungs = plan.renditions.filter((spec) => spec.kind === 'video');
  return toArgumentList({
    inputOptions: inputOptions(plan),
    input: 'pipe:0',
    filters: pictureFilters(rungs, plan.source.video, wantedFrom),
    outputs: plan.renditions.map((spec, index) => {
      const from = wantedFrom.get(spec.name);
      const rule = keyFrameRule(plan, from ?? firstPicture);
      return {
        options: [...trackOptions(spec, rungs, rule, from), ...muxerOptions(spec, plan)],
        target: `pipe:${FIRST_OUTPUT_FD + index}`,
      };
    }),
  });
}

function inputOptions(plan: TranscodePlan): string[] {
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'level+warning'],
    ...['-progress', `pipe:${FIRST_OUTPUT_FD + plan.renditions.length}`, '-stats_period', '1'],
    // With one thread per core, scaling would not become faster, but every picture of every stream would wake all these threads.
    ...['-filter_complex_threads', '1'],
    // Together with frag_discont below, this makes tfdt the stream's own timeline, the same on every track.
    '-copyts',
    ...probeOptions(plan),
    ...decoderOptions(plan.source.video),
    ...['-protocol_whitelist', 'pipe', '-f', 'flv'],
  ];
}

/**
 * A single track is known after its first packet (measured: 13 ms to the init segment). With two tracks FFmpeg must see a packet of each:
 * otherwise it writes the sample rate of the FLV tag (always 44100) into the AAC init segment.
 */
function probeOptions(plan: TranscodePlan): string[] {
  const fed = fedTracks(plan);
  if (!fed.video || !fed.audio) return ['-probesize', `${MIN_PROBE_SIZE}`];
  return ['-probesize', `${PROBE_SIZE}`, '-analyzeduration', `${ANALYZE_DURATION}`, '-fpsprobesize', '0'];
}

/** Frame threads would delay output by one picture per thread; slice threads add no delay. */
function decoderOptions(video: SourceVideo | undefined): string[] {
  if (video === undefined) return [];
  const samplesPerSecond = video.width * video.height * video.frameRate;
  const threads = Math.min(MAX_DECODER_THREADS, Math.max(1, Math.ceil(samplesPerSecond / SAMPLES_PER_DECODER_THREAD)));
  // libdav1d has its own threads, which delay pictures unless low_delay is set.
  const lowDelay = video.codec === 'av1' ? ['-flags', 'low_delay'] : [];
  return ['-thread_type', 'slice', '-threads', `${threads}`, ...lowDelay];
}

/** There is one decoder for all rungs. Each rung is scaled from the source itself, not from the next larger rung. */
function pictureFilters(
  rungs: readonly EncodedVideoSpec[],
  video: SourceVideo | undefined,
  wantedFrom: WantedFrom,
): string[] {
  if (rungs.length === 0) return [];
  const interlaced = video?.interlaced ?? false;
  const toSdr = video?.hdr === undefined ? '' : `${toneMapping(video.hdr)},`;
  const inputs = rungs.length === 1 && !interlaced ? ['[0:v]'] : rungs.map((_, index) => `[in${index}]`);
  // Pictures that are not marked as interlaced pass through unchanged.
  const steps = [
    ...(interlaced ? ['yadif=deint=interlaced'] : []),
    ...(rungs.length > 1 ? [`split=${rungs.length}`] : []),
  ];
  const first = steps.length === 0 ? [] : [`[0:v]${steps.join(',')}${inputs.join('')}`];
  const scales = rungs.map((spec, index) => {
    // Square pixels: the size is already the display size.
    const trim = trimFilter('trim', wantedFrom.get(spec.name));
    return `${inputs[index]}${trim}scale=${spec.width}:${spec.height},${toSdr}setsar=1[rung${index}]`;
  });
  return [...first, ...scales];
}

/**
 * Converts HDR pictures to SDR (BT.709), which every screen shows. It comes after scaling, because the linear light of whole pictures costs
 * twice as much. The input format is given here, because some encoders state it only outside the bitstream.
 */
function toneMapping(hdr: HdrTransfer): string {
  const transfer = hdr === 'PQ' ? 'smpte2084' : 'arib-std-b67';
  return [
    `zscale=tin=${transfer}:min=2020_ncl:pin=2020:t=linear:npl=${NOMINAL_PEAK}`,
    'format=gbrpf32le',
    'zscale=p=709',
    'tonemap=hable:desat=0',
    'zscale=t=709:m=709:r=limited',
    'format=yuv420p',
  ].join(',');
}

/** The first picture or sample that passes starts a GOP, at its own time. The text ends with `,` so that the next filter can follow. */
function trimFilter(name: 'trim' | 'atrim', from: Milliseconds | undefined): string {
  if (from === undefined) return '';
  // For pictures half a millisecond early, which includes no other picture. Exact for audio, which stays on the grid of the earlier frames.
  const start = name === 'trim' ? from - PICTURE_ROUNDING : from;
  return `${name}=start=${millisecondsToSeconds(start).toFixed(6)},`;
}

function trackOptions(
  spec: EncodedSpec,
  rungs: readonly EncodedVideoSpec[],
  keyFrames: string,
  from: Milliseconds | undefined,
): string[] {
  switch (spec.kind) {
    case 'audio':
      return audioOptions(spec, from);
    case 'video':
      return ['-map', `[rung${rungs.indexOf(spec)}]`, ...x264Options(spec, keyFrames)];
    default:
      return assertNever(spec);
  }
}

function x264Options(spec: EncodedVideoSpec, keyFrames: string): string[] {
  return [
    // Every frame once, at its own time in milliseconds, so that key frames stay exactly at those of the source.
    ...['-fps_mode', 'passthrough', '-enc_time_base', '1:1000'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-profile:v', 'high', '-pix_fmt', 'yuv420p'],
    ...['-bf', '0', '-sc_threshold', '0', '-g', `${INFINITE_GOP}`, '-keyint_min', '1'],
    ...['-forced-idr', '1', '-force_key_frames', keyFrames],
    ...['-b:v', `${spec.bitrate}`, '-maxrate', `${spec.maxrate}`, '-bufsize', `${spec.bufsize}`],
    // zerolatency controls the bit rate per frame, and after a short probe FFmpeg can only guess the frame rate.
    ...['-x264-params', `fps=${Number(spec.frameRate.toFixed(3))}`, '-threads', `${encoderThreads(spec)}`],
  ];
}

/**
 * For `regular`: a key frame at the first picture, then at the first picture in each multiple of the segment duration, wherever FFmpeg
 * started.
 */
function keyFrameRule(plan: TranscodePlan, firstPicture: Milliseconds): string {
  if (plan.keyFrames === 'source') return 'source';
  if (plan.keyFrames === 'every') return 'expr:1';
  // Times in the expression are seconds since the first picture.
  const offset = Number((firstPicture / 1000 + TIME_EPSILON).toFixed(4));
  const multiple = (time: string): string => `floor((${time}+${offset})/${plan.segmentDuration})`;
  return `expr:if(isnan(prev_forced_t),1,gt(${multiple('t')},${multiple('prev_forced_t')}))`;
}

/** Slices cost bits, so a rung uses only as many threads as it needs: a machine with many cores must not make thirty slices of 360p. */
function encoderThreads(spec: EncodedVideoSpec): number {
  const samplesPerSecond = spec.width * spec.height * spec.frameRate;
  return Math.min(MAX_THREADS, Math.max(1, Math.ceil(samplesPerSecond / SAMPLES_PER_THREAD)));
}

function audioOptions(spec: EncodedAudioSpec, from: Milliseconds | undefined): string[] {
  return [
    ...['-map', '0:a:0', '-c:a', 'aac', '-b:a', `${spec.bitrate}`],
    ...['-ar', `${spec.sampleRate}`, '-ac', `${spec.channels}`],
    // Fills gaps with silence, so that audio stays at the time of its timestamps.
    ...['-filter:a', `${trimFilter('atrim', from)}aresample=async=1`],
  ];
}

/** CMAF with one track (ISO/IEC 23000-19). Video has a fragment per part; audio has a fragment per few frames, which `hls` regroups. */
function muxerOptions(spec: EncodedSpec, plan: TranscodePlan): string[] {
  // For FFmpeg every audio frame is a key frame, so it would cut at each one.
  const cut = spec.kind === 'audio' ? '' : '+frag_keyframe';
  return [
    // The publisher's metadata must not be passed on.
    ...['-map_metadata', '-1'],
    ...(spec.kind === 'audio' ? [] : ['-video_track_timescale', `${VIDEO_TIMESCALE}`]),
    // Without skip_trailer FFmpeg remembers every fragment for an index at the end: 9 MB per hour of audio (measured).
    ...['-f', 'mp4', '-movflags', `+cmaf${cut}+empty_moov+default_base_moof+frag_discont+skip_trailer`],
    ...['-frag_duration', `${spec.kind === 'audio' ? audioFragment(spec) : videoFragment(spec, plan)}`],
    ...['-flush_packets', '1'],
  ];
}

/**
 * FFmpeg ends a fragment at the first frame that starts this long after the first frame of the fragment, so this is half a frame less than
 * intended.
 */
function audioFragment(spec: EncodedAudioSpec): number {
  return Math.round(((AUDIO_FRAMES_PER_FRAGMENT - 0.5) * SAMPLES_PER_AAC_FRAME * 1_000_000) / spec.sampleRate);
}

function videoFragment(spec: EncodedVideoSpec, plan: TranscodePlan): number {
  return fragmentDurationMicroseconds(plan, spec.frameRate);
}
