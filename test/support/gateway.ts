// A whole gateway in this process, on free ports, with its log kept for the test.
import { pino } from 'pino';
import { loadConfig } from '../../src/config/load-config.js';
import { createGateway, type Gateway } from '../../src/gateway.js';
import type { DescribedVideoCodec } from '../../src/protocols/mp4/video-description.js';
import { whenOver } from './lifetime.js';
import { npmFfmpeg, type RunningProgram, startProgram } from './processes.js';
import { temporaryDirectory } from './temp-dir.js';

export interface LogRecord {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface TestGateway {
  readonly gateway: Gateway;
  /** `http://127.0.0.1:PORT` */
  readonly http: string;
  /** `http://127.0.0.1:PORT` of the admin listener when it is on. */
  readonly admin?: string;
  /** `rtmp://127.0.0.1:PORT/live` */
  readonly rtmp: string;
  /** `https://127.0.0.1:PORT` when it is on. */
  readonly https?: string;
  /** `rtmps://127.0.0.1:PORT/live` when it is on. */
  readonly rtmps?: string;
  readonly mediaDir: string;
  readonly key: string;
  readonly logs: LogRecord[];
  /** The URL for an encoder: `rtmp://…/live/NAME?key=SECRET`. */
  publishUrl(name: string): string;
  /** The log records at level error and above. */
  errors(): LogRecord[];
  close(): Promise<void>;
}

export const TEST_KEY = 'a-key-that-must-never-be-seen-7f3a';

/** Starts a gateway with these flags. It is closed at the end of the test, or of the file (lifetime.ts). */
export async function startGateway(...flags: string[]): Promise<TestGateway> {
  const directory = await temporaryDirectory();
  const config = loadConfig({
    argv: [
      ...['--host', '127.0.0.1', '--rtmp-port', '0', '--http-port', '0', '--media-dir', `${directory}/media`],
      ...['--publish-key', TEST_KEY, '--ffmpeg-path', npmFfmpeg()],
      // Defaults for tests: no decision depends on the load of the machine, and a stream ends with its publisher.
      ...[
        '--metrics',
        'public',
        '--admin-port',
        'none',
        '--resume-window',
        '0',
        '--max-transcodes',
        '100',
        '--on-overload',
        'keep',
      ],
      ...flags,
    ],
    env: {},
    cwd: directory,
  });
  const logs: LogRecord[] = [];
  const logger = pino(
    { level: 'debug' },
    {
      write(line: string) {
        logs.push(JSON.parse(line) as LogRecord);
      },
    },
  );
  const gateway = await createGateway(config, { logger });
  const urls = await gateway.start();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= gateway.close();
    return closing;
  };
  whenOver(close);
  const http = urls.http.replace(/\/$/, '');
  const rtmp = urls.rtmp.replace(/\/$/, '');
  return {
    gateway,
    http,
    rtmp,
    ...(urls.admin !== undefined && { admin: urls.admin }),
    ...(urls.https !== undefined && { https: urls.https.replace(/\/$/, '') }),
    ...(urls.rtmps !== undefined && { rtmps: urls.rtmps }),
    mediaDir: config.mediaDir,
    key: TEST_KEY,
    logs,
    publishUrl: (name) => `${rtmp}/${name}?key=${TEST_KEY}`,
    errors: () => logs.filter((record) => record.level >= 50),
    close,
  };
}

export interface TestPattern {
  readonly size?: string;
  readonly rate?: number;
  /** Seconds. Default: the publisher runs until it is stopped. */
  readonly duration?: number;
  readonly bFrames?: number;
  /** Seconds of media that are sent at once, before real time begins. Not with `ffmpeg`, which may be too old. */
  readonly burst?: number;
  /** Frames between key frames. */
  readonly gop?: number;
  readonly audio?: boolean;
  readonly video?: boolean;
  readonly ffmpeg?: string;
  /** If set, the same FLV is also written to this file, as a reference of what was sent. */
  readonly copyTo?: string;
  readonly videoSource?: string;
  readonly audioSource?: string;
  readonly preset?: string;
  /** Default: avc, the only codec to which `bFrames` and `preset` apply. */
  readonly codec?: DescribedVideoCodec;
  /** Whether it stops cleanly at a `q` on its stdin: FFmpeg 7.0 ignores signals while data flows. */
  readonly stoppable?: boolean;
}

/** Encoder options that are fast enough for real time, and log nothing. */
const VIDEO_ENCODERS: Readonly<Record<DescribedVideoCodec, (gop: number, pattern: TestPattern) => string[]>> = {
  avc: (gop, { bFrames = 2, preset = 'veryfast' }) => [
    ...['libx264', '-preset', preset, '-bf', `${bFrames}`],
    ...['-g', `${gop}`, '-keyint_min', `${gop}`, '-sc_threshold', '0'],
  ],
  hevc: (gop) => ['libx265', '-preset', 'ultrafast', '-x265-params', `log-level=none:keyint=${gop}:min-keyint=${gop}`],
  av1: (gop) => ['libsvtav1', '-preset', '12', '-g', `${gop}`],
  vp9: (gop) => ['libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-g', `${gop}`],
};

/** A live output cannot be rewound to fill in these fields. Without the flag FFmpeg warns about it at the end. */
const FLV_FLAGS = 'no_duration_filesize';

/** Publishes a test picture with sound, in real time, with a real FFmpeg. */
export function publishTestPattern(url: string, pattern: TestPattern = {}): RunningProgram {
  const { size = '640x360', rate = 25, codec = 'avc', gop = 2 * rate, audio = true, video = true } = pattern;
  const inputs: string[] = [];
  const { burst } = pattern;
  const pace = burst === undefined ? ['-re'] : ['-readrate', '1', '-readrate_initial_burst', `${burst}`];
  if (video) inputs.push(...pace, '-f', 'lavfi', '-i', pattern.videoSource ?? `testsrc2=size=${size}:rate=${rate}`);
  if (audio) inputs.push(...pace, '-f', 'lavfi', '-i', pattern.audioSource ?? 'sine=frequency=440:sample_rate=48000');
  const encoders: string[] = [];
  if (video) encoders.push('-c:v', ...VIDEO_ENCODERS[codec](gop, pattern), '-pix_fmt', 'yuv420p');
  if (audio) encoders.push('-c:a', 'aac', '-b:a', '128k', '-ac', '2');
  const output =
    pattern.copyTo === undefined
      ? ['-f', 'flv', '-flvflags', FLV_FLAGS, url]
      : [
          '-f',
          'tee',
          `[f=flv:flvflags=${FLV_FLAGS}]${url.replaceAll(':', '\\:')}|[f=flv:flvflags=${FLV_FLAGS}]${pattern.copyTo}`,
        ];
  const maps =
    pattern.copyTo === undefined ? [] : inputs.filter((arg) => arg === '-i').flatMap((_, i) => ['-map', `${i}`]);
  const limit = pattern.duration === undefined ? [] : ['-t', `${pattern.duration}`];
  const flags = pattern.copyTo === undefined ? [] : ['-flags', '+global_header'];
  return startProgram(pattern.ffmpeg ?? npmFfmpeg(), [
    ...['-hide_banner', '-loglevel', 'warning'],
    ...(pattern.stoppable === true ? [] : ['-nostdin']),
    ...inputs,
    ...maps,
    ...encoders,
    ...limit,
    ...flags,
    ...output,
  ]);
}
