// Third-party encoders that can be run here, each with the arguments that its users would choose.
import { GSTREAMER } from '../support/peers.js';
import { type FfmpegRelease, ffmpegRelease } from './ffmpeg-releases.js';

export type Codec = 'avc' | 'hevc' | 'av1' | 'vp9';

export interface Picture {
  /** `WIDTHxHEIGHT` */
  readonly size: string;
  readonly rate: number;
  readonly seconds: number;
  /** Video bitrate in FFmpeg's notation. Default 400k. */
  readonly bitrate?: string;
}

export interface Publisher {
  readonly name: string;
  readonly codec: Codec;
  /** Seconds, where pictures come at uneven times: dates and boundaries are held to one frame. Default: that of the rate. */
  readonly longestFrame?: number;
  /** Program and arguments that publish test picture and tone at real time and end by themselves. */
  command(url: string, picture: Picture): Promise<{ program: string; args: string[] }>;
}

const ENCODERS: Readonly<Record<Codec, (gop: number) => string[]>> = {
  avc: (gop) => ['libx264', '-preset', 'veryfast', '-bf', '2', '-sc_threshold', '0', '-g', `${gop}`],
  hevc: (gop) => [
    ...['libx265', '-preset', 'ultrafast'],
    ...['-x265-params', `keyint=${gop}:min-keyint=${gop}:no-open-gop=1:scenecut=0:log-level=none`],
  ],
  av1: (gop) => ['libaom-av1', '-usage', 'realtime', '-cpu-used', '8', '-row-mt', '1', '-g', `${gop}`],
  vp9: (gop) => ['libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-row-mt', '1', '-g', `${gop}`],
};

/** A key frame each second: viewers of `source` need not wait for the first segment. */
export function ffmpegPublisher(
  release: FfmpegRelease,
  codec: Codec,
  { name = `FFmpeg ${release}, ${codec}`, output = [] as readonly string[] } = {},
): Publisher {
  return {
    name,
    codec,
    command: async (url, { size, rate, seconds, bitrate = '400k' }) => ({
      program: await ffmpegRelease(release),
      args: [
        ...['-hide_banner', '-nostdin', '-loglevel', 'warning'],
        ...['-re', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}`],
        ...['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
        ...['-t', `${seconds}`, '-c:v', ...ENCODERS[codec](rate), '-b:v', bitrate, '-pix_fmt', 'yuv420p'],
        ...['-c:a', 'aac', '-b:a', '64k', '-ac', '2'],
        ...[...output, '-f', 'flv', '-flvflags', 'no_duration_filesize', url],
      ],
    }),
  };
}

export function gstreamerPublisher(sink: 'rtmp2sink' | 'rtmpsink'): Publisher {
  return {
    name: `GStreamer ${sink}`,
    codec: 'avc',
    // It moves pictures to the times of neighbouring audio.
    longestFrame: 0.093,
    command: async (url, { size, rate, seconds, bitrate = '400k' }) => {
      const [width, height] = size.split('x');
      const buffers = Math.ceil((seconds * 44_100) / 1024);
      const pipeline = [
        // Without this format the test source and the encoder would agree on 4:4:4 with ten bits, which no camera uses.
        `videotestsrc is-live=true num-buffers=${seconds * rate} ! video/x-raw,format=I420,width=${width},height=${height},framerate=${rate}/1`,
        `! x264enc speed-preset=veryfast key-int-max=${rate} bitrate=${Number.parseInt(bitrate, 10)} ! h264parse ! queue ! mux.`,
        `audiotestsrc is-live=true num-buffers=${buffers} samplesperbuffer=1024 ! audio/x-raw,rate=44100,channels=2`,
        '! avenc_aac ! aacparse ! queue ! mux.',
        `flvmux name=mux streamable=true ! ${sink} location=${url}`,
      ];
      return { program: GSTREAMER, args: ['-q', ...pipeline.join(' ').split(' ')] };
    },
  };
}

/** FLV knows the newer codecs only since FFmpeg 6.1, GStreamer's flvmux of 1.22 not at all. */
export const PUBLISHERS: readonly Publisher[] = [
  ffmpegPublisher('4.1', 'avc'),
  ffmpegPublisher('5.1', 'avc'),
  ffmpegPublisher('6.1', 'avc'),
  ffmpegPublisher('7.0', 'avc'),
  ...(['6.1', '7.0'] as const).flatMap((release) =>
    (['hevc', 'av1', 'vp9'] as const).map((codec) => ffmpegPublisher(release, codec)),
  ),
  gstreamerPublisher('rtmp2sink'),
  gstreamerPublisher('rtmpsink'),
];

/**
 * Timestamps of more than three bytes: one stream starts at 5.5 hours, another passes the 24-bit limit (4 h 39 min) half a second after its start.
 */
export const LATE_PUBLISHERS: readonly Publisher[] = [
  ffmpegPublisher('5.1', 'avc', { name: 'FFmpeg 5.1, 20000 s in', output: ['-output_ts_offset', '20000'] }),
  ffmpegPublisher('7.0', 'avc', {
    name: 'FFmpeg 7.0, across 2^24 ms',
    output: ['-output_ts_offset', '16776.7'],
  }),
];
