// One schema is the types, the defaults and the documentation of every option, so that none of the three can disagree.

import { type Static, Type } from 'typebox';

/**
 * What an option's schema says beyond JSON Schema; everything a user sees about an option is derived from it.
 * `secret` values are never echoed; `aliases` are further environment variables that set the option.
 */
export interface OptionDetails {
  readonly description: string;
  /** `s`, `bytes`, …; shown beside the value. */
  readonly unit?: string;
  /** What to write for the value in the help text: `PORT`, `DIR`, …. */
  readonly placeholder: string;
  /** How a value that a `pattern` admits is described to people. */
  readonly expected?: string;
  /** What holds when the option has no `default`. */
  readonly fallback?: string;
  readonly secret?: boolean;
  readonly aliases?: readonly string[];
}

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** `publishKey: none` opens publishing to everyone who can reach the port. */
export const OPEN_PUBLISHING = 'none';

const port = (details: OptionDetails & { default: number }) =>
  Type.Integer({ minimum: 0, maximum: 65_535, ...details });
const count = (minimum: number, maximum: number, details: OptionDetails & { default: number }) =>
  Type.Integer({ minimum, maximum, ...details });
const seconds = (minimum: number, maximum: number, details: OptionDetails & { default: number }) =>
  Type.Number({ minimum, maximum, unit: 's', ...details });
const text = (details: OptionDetails & { default?: string; pattern?: string }) =>
  Type.String({ minLength: 1, maxLength: 4096, ...details });

/** `source`, `audio` or an even height from 64p to 4320p: what the transcoder can make. */
const RUNG =
  '^(source|audio|(6[468]|[7-9][02468]|[1-9][0-9][02468]|[1-3][0-9]{2}[02468]|4[0-2][0-9][02468]|43[01][02468]|4320)p)$';

export const configSchema = Type.Object(
  {
    host: text({
      default: '0.0.0.0',
      placeholder: 'ADDRESS',
      description: 'Address that both servers listen on. `127.0.0.1` keeps them on this machine, `::` adds IPv6.',
    }),
    rtmpPort: port({
      default: 1935,
      placeholder: 'PORT',
      description: 'TCP port for publishers (RTMP). 0 picks a free port.',
    }),
    httpPort: port({
      default: 8080,
      placeholder: 'PORT',
      description: 'TCP port for players, pages and the API (HTTP). 0 picks a free port.',
    }),
    publicUrl: Type.Optional(
      text({
        placeholder: 'URL',
        pattern: '^https?://[^\\s?#]+$',
        expected: 'an http:// or https:// URL without query',
        fallback: 'the address of the HTTP server',
        description:
          'Address under which viewers reach the HTTP server (behind a proxy or CDN); used in printed links.',
      }),
    ),
    mediaDir: text({
      default: 'media',
      placeholder: 'DIR',
      description: 'Where segments and playlists are written: at every instant a static HLS tree.',
    }),
    stateDir: text({
      default: '.sluice',
      placeholder: 'DIR',
      description: 'Where the generated publish key is kept (mode 0600). Must not lie in `mediaDir`.',
    }),
    publishKey: Type.Optional(
      text({
        placeholder: 'KEY|none',
        pattern: '^[A-Za-z0-9._~!@$*:,=/-]{1,256}$',
        expected: 'up to 256 letters, digits or . _ ~ ! @ $ * : , = / - (nothing that a URL would escape), or none',
        fallback: 'one is generated and kept in `stateDir`',
        secret: true,
        description:
          'Secret that publishers send as `NAME?key=SECRET`; `none` opens publishing to everyone. Prefer the file or the environment: other users of the machine may see flags.',
      }),
    ),
    apps: Type.Array(Type.String({ pattern: '^[0-9A-Za-z_][0-9A-Za-z_.-]{0,63}$' }), {
      default: ['live'],
      minItems: 1,
      maxItems: 64,
      uniqueItems: true,
      placeholder: 'NAME,…',
      expected: 'different names of letters, digits and . _ -',
      description:
        'RTMP applications that may be published to: the `live` of `rtmp://HOST/live` and of `/hls/live/NAME`. Others are refused.',
    }),
    ladder: Type.Array(Type.String({ pattern: RUNG }), {
      default: ['source', '720p', '480p', '360p'],
      minItems: 1,
      maxItems: 8,
      uniqueItems: true,
      placeholder: 'NAME,…',
      expected: 'different names, each source, audio or an even height from 64p to 4320p',
      description:
        "Renditions to offer: `source` (the publisher's own video) and even heights; heights above the source are left out. `audio` is always offered; alone it means no video.",
    }),
    segmentDuration: seconds(1, 30, {
      default: 2,
      placeholder: 'SECONDS',
      description: 'Shortest segment; segments are cut at the next key frame of the publisher.',
    }),
    partDuration: seconds(0.1, 5, {
      default: 0.5,
      placeholder: 'SECONDS',
      description: 'Length of an LL-HLS part; at most `segmentDuration`.',
    }),
    windowSegments: count(6, 1000, {
      default: 10,
      placeholder: 'COUNT',
      unit: 'segments',
      description: 'Segments kept in the live playlists and in memory.',
    }),
    maxStreams: count(1, 10_000, {
      default: 100,
      placeholder: 'COUNT',
      unit: 'streams',
      description: 'Publishers accepted at a time.',
    }),
    maxConnections: count(1, 100_000, {
      default: 500,
      placeholder: 'COUNT',
      unit: 'connections',
      description: 'RTMP connections open at a time; more are closed at once.',
    }),
    maxConnectionsPerIp: count(1, 100_000, {
      default: 16,
      placeholder: 'COUNT',
      unit: 'connections',
      description: 'RTMP connections open at a time from one IP address.',
    }),
    idleTimeout: seconds(1, 600, {
      default: 15,
      placeholder: 'SECONDS',
      description: 'A publisher that sends no byte for this long is dropped.',
    }),
    frameAncestors: Type.Array(Type.String({ pattern: "^('self'|'none'|[A-Za-z0-9*.:/_-]+)$" }), {
      default: ['*'],
      minItems: 1,
      maxItems: 64,
      uniqueItems: true,
      placeholder: 'ORIGIN,…',
      expected: "different origins such as https://example.com, or * or 'self' or 'none'",
      description: 'Sites that may show the embed page in an iframe (CSP `frame-ancestors`).',
    }),
    ffmpegPath: Type.Optional(
      text({
        placeholder: 'FILE',
        aliases: ['FFMPEG_PATH'],
        fallback: 'the best FFmpeg found, see `sluice doctor`',
        description: 'FFmpeg to run. When it does not work the gateway does not start.',
      }),
    ),
    logLevel: Type.Enum([...LOG_LEVELS], {
      default: 'info',
      placeholder: 'LEVEL',
      description: 'Least severe log records written.',
    }),
  },
  { additionalProperties: false },
);

/** Every option, checked, with its default filled in; directories are absolute. */
export type Config = Readonly<Static<typeof configSchema>>;
export type ConfigKey = keyof Config;
