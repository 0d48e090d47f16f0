// Builds the command line for the slate, the still image or clip that viewers see while a publisher is away, as a pure function.
import { extname, isAbsolute } from 'node:path';
import type { Seconds } from '../protocols/units.js';
import { FIRST_OUTPUT_FD } from './arguments.js';
import { toArgumentList } from './fluent-command.js';

export interface SlateSpec {
  /** Absolute path of an image or clip. It comes from the configuration, never from a client. */
  readonly file: string;
  /** Luma samples, even; the picture is fitted into this size with black borders. */
  readonly width: number;
  readonly height: number;
  /** Frames per second. */
  readonly frameRate: number;
  /** Seconds between key frames; rounded up to whole frames. Default 2. */
  readonly keyFrameInterval?: Seconds | undefined;
  /** Format of the silent audio; absent for a stream without audio. */
  readonly audio?: { readonly sampleRate: number; readonly channels: number } | undefined;
}

/** The usual recommendation for live encoders. */
const KEY_FRAME_INTERVAL: Seconds = 2;
/** Constant quality: a still image needs almost no bits, a clip only what it needs. */
const QUALITY = 23;
const AUDIO_BITRATE = 128_000;
const IMAGES: ReadonlySet<string> = new Set(['.png', '.jpg', '.jpeg', '.webp', '.bmp']);
/** Formats that are allowed. Playlists and scripts are not, because they could name other files. */
const CLIP_FORMATS = 'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,flv,mpegts,avi';

/**
 * Writes FLV with H.264 and AAC to fd 3, at real time, without end; timestamps start near 0.
 * @throws {TypeError} for a path that is not absolute
 */
export function slateArguments(slate: SlateSpec): string[] {
  if (!isAbsolute(slate.file)) throw new TypeError(`got the slate ${slate.file}, expected an absolute path`);
  const { width, height, frameRate, keyFrameInterval = KEY_FRAME_INTERVAL, audio } = slate;
  const rate = Number(frameRate.toFixed(3));
  return toArgumentList({
    inputOptions: [
      ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'level+warning'],
      ...['-filter_complex_threads', '1', '-re', '-threads', '1', '-protocol_whitelist', 'file'],
      ...(isImage(slate.file)
        ? // Do not expand %d in the file name as an image sequence.
          ['-f', 'image2', '-pattern_type', 'none', '-loop', '1', '-framerate', `${rate}`]
        : ['-format_whitelist', CLIP_FORMATS, '-stream_loop', '-1']),
    ],
    // With its protocol in front, a path cannot be taken for an option or for another protocol, whatever it begins with.
    input: `file:${slate.file}`,
    filters: [
      `[0:v:0]scale=${width}:${height}:force_original_aspect_ratio=decrease,pad=${width}:${height}:-1:-1,setsar=1,fps=${rate}[v]`,
      ...(audio === undefined
        ? []
        : [`anullsrc=sample_rate=${audio.sampleRate}:channel_layout=${layout(audio.channels)}[a]`]),
    ],
    outputs: [
      {
        options: [
          ...['-map', '[v]', '-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-profile:v', 'high'],
          ...['-pix_fmt', 'yuv420p', '-crf', `${QUALITY}`, '-bf', '0', '-sc_threshold', '0', '-threads', '1'],
          ...['-g', `${Math.ceil(rate * keyFrameInterval)}`],
          ...(audio === undefined ? [] : ['-map', '[a]', '-c:a', 'aac', '-b:a', `${AUDIO_BITRATE}`]),
          ...['-map_metadata', '-1', '-f', 'flv', '-flvflags', 'no_duration_filesize', '-flush_packets', '1'],
        ],
        target: `pipe:${FIRST_OUTPUT_FD}`,
      },
    ],
  });
}

function isImage(file: string): boolean {
  return IMAGES.has(extname(file).toLowerCase());
}

function layout(channels: number): string {
  return channels === 1 ? 'mono' : 'stereo';
}
