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
  /** No flag and no environment variable: set by few people, or not fit for a command line. */
  readonly fileOnly?: boolean;
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

/** A bound that hardly anybody changes: a key of the file alone. */
const limit = (minimum: number, maximum: number, details: Omit<OptionDetails, 'placeholder'> & { default: number }) =>
  Type.Integer({ minimum, maximum, placeholder: 'COUNT', fileOnly: true, ...details });

/** A name as publishers send it in a query, without escapes. */
const USER_NAME = '^[A-Za-z0-9._@-]{1,64}$';
/** What `sluice hash-password` prints: the salt in base64url, the digest in base64. */
const PASSWORD_HASH = '^adobe:[A-Za-z0-9_-]{8,64}:[A-Za-z0-9+/]{22}==$';
const APP_NAME = '^[0-9A-Za-z_][0-9A-Za-z_.-]{0,63}$';
const STREAM_NAME = '^[0-9A-Za-z_.][0-9A-Za-z_.-]{0,254}$';

/** What an IP address or CIDR block is written with; whether it is one is looked at afterwards. */
const PROXY = '^[0-9A-Fa-f.:]{2,45}(/[0-9]{1,3})?$';

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
    rtmpsPort: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        placeholder: 'PORT',
        fallback: 'off',
        description:
          'TCP port for publishers and players over TLS (RTMPS), with `tlsCert` and `tlsKey`. 0 picks a free port.',
      }),
    ),
    httpPort: port({
      default: 8080,
      placeholder: 'PORT',
      description: 'TCP port for players, pages and the API (HTTP). 0 picks a free port.',
    }),
    httpsPort: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        placeholder: 'PORT',
        fallback: 'off',
        description:
          'TCP port for the same over TLS (HTTPS, HTTP/2 and HTTP/1.1), with `tlsCert` and `tlsKey`. 0 picks a free port.',
      }),
    ),
    tlsCert: Type.Optional(
      text({
        placeholder: 'FILE',
        fallback: 'none',
        description:
          'Certificate chain in PEM, the own certificate first. Read again when it changes; nobody is disconnected.',
      }),
    ),
    tlsKey: Type.Optional(
      text({ placeholder: 'FILE', fallback: 'none', description: 'Private key of `tlsCert` in PEM, not encrypted.' }),
    ),
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
      description:
        'Where the generated publish key (mode 0600) and the process ids of running FFmpegs are kept. Must not lie in `mediaDir`.',
    }),
    publishKey: Type.Optional(
      text({
        placeholder: 'KEY|none',
        pattern: '^[A-Za-z0-9._~!@$*:,=/-]{1,256}$',
        expected: 'up to 256 letters, digits or . _ ~ ! @ $ * : , = / - (nothing that a URL would escape), or none',
        fallback: 'one is generated and kept in `stateDir`',
        secret: true,
        description:
          'Secret that publishers send as `NAME?key=SECRET`; `none` opens publishing to everyone, or with `users` to them alone. Prefer the file or the environment: other users of the machine may see flags.',
      }),
    ),
    users: Type.Array(
      Type.Object(
        {
          name: Type.String({ pattern: USER_NAME }),
          hash: Type.String({ pattern: PASSWORD_HASH }),
          apps: Type.Optional(Type.Array(Type.String({ pattern: APP_NAME }), { minItems: 1, maxItems: 64 })),
          names: Type.Optional(Type.Array(Type.String({ pattern: STREAM_NAME }), { minItems: 1, maxItems: 1000 })),
        },
        { additionalProperties: false },
      ),
      {
        default: [],
        maxItems: 1000,
        placeholder: 'LIST',
        fileOnly: true,
        secret: true,
        expected:
          'a list of users, each with a name of letters, digits and . _ @ -, the hash that `sluice hash-password` prints, and if you like lists of apps and names',
        description:
          'Who may publish with user and password, beside whoever has the key; `apps` and `names` narrow what one may publish. See below.',
      },
    ),
    userChallenge: Type.Enum(['on', 'off'], {
      default: 'on',
      placeholder: 'on|off',
      fileOnly: true,
      description:
        'With `users`: encoders whose server URL brings neither user nor key are asked for a user when they connect (authmod=adobe). `off` lets them connect and send user or key with the stream key.',
    }),
    apps: Type.Array(Type.String({ pattern: APP_NAME }), {
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
    dvrWindow: text({
      default: 'off',
      pattern: '^(off|unlimited|[1-9][0-9]{0,6})$',
      placeholder: 'SECONDS|off|unlimited',
      expected: 'a whole number of seconds, off or unlimited',
      description:
        'How far viewers can go back while a stream is live. Older segments are read from `mediaDir`; the disk needs room for twice as much.',
    }),
    playlistType: Type.Enum(['live', 'event'], {
      default: 'live',
      placeholder: 'live|event',
      description:
        '`event` marks playlists as EVENT: all of a stream stays listed from its beginning, as with `dvrWindow` unlimited.',
    }),
    resumeWindow: seconds(0, 3600, {
      default: 15,
      placeholder: 'SECONDS',
      description:
        'How long a stream waits for a publisher that has gone to come back: players go on with the same playlists. 0 ends them at once.',
    }),
    slate: Type.Optional(
      text({
        placeholder: 'FILE',
        fallback: 'none',
        description:
          'Image or clip (without its sound) that viewers see while a stream waits for its publisher (`resumeWindow`). Encoded as H.264 and AAC by FFmpeg for each stream that waits; streams whose own codecs are others wait without it.',
      }),
    ),
    maxGop: seconds(1, 60, {
      default: 10,
      placeholder: 'SECONDS',
      description:
        'Longest time between key frames of a publisher that segments are made of; beyond it `source` is encoded anew, with key frames of its own.',
    }),
    maxTranscodes: count(0, 1000, {
      default: 0,
      placeholder: 'COUNT',
      unit: 'streams',
      description:
        'Streams whose pictures are encoded at a time; a further one is served as it comes. 0 decides by how busy the processors are.',
    }),
    thumbnails: Type.Enum(['on', 'off'], {
      default: 'on',
      placeholder: 'on|off',
      description:
        'Whether there is a picture of each stream at `/hls/APP/NAME/thumbnail.jpg`; it is made when somebody asks, at most once for each segment, by FFmpeg.',
    }),
    onOverload: Type.Enum(['shed', 'keep'], {
      default: 'shed',
      placeholder: 'shed|keep',
      description:
        'When FFmpeg does not keep up: `shed` takes the most costly rendition out of the stream, then the next; `keep` leaves them all, late and with gaps.',
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
    handshakeTimeout: seconds(1, 600, {
      default: 10,
      placeholder: 'SECONDS',
      description: 'From accept to the end of the RTMP handshake, TLS included.',
    }),
    publishTimeout: seconds(1, 600, {
      default: 15,
      placeholder: 'SECONDS',
      description: 'From the handshake to a publish or play request, and for the decision about it.',
    }),
    firstMediaTimeout: seconds(1, 3600, {
      default: 30,
      placeholder: 'SECONDS',
      description: 'From an accepted publish to its first audio or video.',
    }),
    maxMediaAhead: seconds(0.5, 3600, {
      default: 10,
      placeholder: 'SECONDS',
      description: 'Media that a publisher may send ahead of the clock before it is read at real time.',
    }),
    publishConflict: Type.Enum(['reject', 'override'], {
      default: 'reject',
      placeholder: 'reject|override',
      description:
        'Who gets a name that somebody publishes already: `reject` refuses the newcomer, `override` ends the other one.',
    }),
    takeoverAfter: seconds(0.5, 600, {
      default: 3,
      placeholder: 'SECONDS',
      description:
        'A publisher that has sent no media for this long loses its name to a newcomer, so that an encoder can come back after its network broke.',
    }),
    rtmpPlay: Type.Enum(['on', 'off'], {
      default: 'on',
      placeholder: 'on|off',
      description: 'Whether RTMP players may watch: rtmp://HOST/APP/NAME. Names are public, no key is asked.',
    }),
    pingInterval: Type.Number({
      minimum: 1,
      maximum: 600,
      default: 5,
      unit: 's',
      placeholder: 'SECONDS',
      fileOnly: true,
      description: 'Silence of an RTMP peer after which it is asked for a sign of life.',
    }),
    maxUnsentBytes: limit(16_384, 67_108_864, {
      default: 262_144,
      unit: 'bytes',
      description: 'Answers waiting for an RTMP peer that does not read; more and it is closed.',
    }),
    maxViewerBytes: limit(262_144, 268_435_456, {
      default: 8_388_608,
      unit: 'bytes',
      description: 'Media waiting for one RTMP viewer; beyond it the viewer goes on at the next key frame.',
    }),
    maxChunkStreams: limit(8, 65_597, {
      default: 64,
      description: 'RTMP chunk streams of one connection.',
    }),
    maxMessageStreams: limit(1, 1000, {
      default: 8,
      description: 'RTMP message streams open at a time on one connection (createStream).',
    }),
    maxVideoMessageBytes: limit(65_536, 16_777_215, {
      default: 10_485_760,
      unit: 'bytes',
      description: 'Longest RTMP video or aggregate message.',
    }),
    maxAudioMessageBytes: limit(4096, 16_777_215, {
      default: 1_048_576,
      unit: 'bytes',
      description: 'Longest RTMP audio message.',
    }),
    maxCommandMessageBytes: limit(4096, 16_777_215, {
      default: 262_144,
      unit: 'bytes',
      description: 'Longest RTMP command, metadata or other message.',
    }),
    maxPendingBytes: limit(65_536, 1_073_741_824, {
      default: 16_777_216,
      unit: 'bytes',
      description: 'Unfinished RTMP messages of one connection together.',
    }),
    maxEarlyMediaBytes: limit(0, 268_435_456, {
      default: 2_097_152,
      unit: 'bytes',
      description:
        'Media kept between a publish request and the answer to it; more is dropped up to the next key frame.',
    }),
    messagesPerTurn: limit(1, 100_000, {
      default: 256,
      unit: 'messages',
      description: 'RTMP messages of one connection handled before others get their turn.',
    }),
    freeFailures: limit(0, 1000, {
      default: 5,
      unit: 'failures',
      description: 'Wrong keys and passwords from one address that are answered at once; later answers wait.',
    }),
    maxFailureDelay: Type.Number({
      minimum: 0.1,
      maximum: 4,
      default: 4,
      unit: 's',
      placeholder: 'SECONDS',
      fileOnly: true,
      description: 'Longest of these waits; each is random below its bound.',
    }),
    maxWaiters: count(1, 1_000_000, {
      default: 20_000,
      placeholder: 'COUNT',
      unit: 'requests',
      description: 'HTTP requests that may wait for media at a time (blocking reloads, hinted parts); more get 503.',
    }),
    maxWaitersPerIp: count(1, 1_000_000, {
      default: 64,
      placeholder: 'COUNT',
      unit: 'requests',
      description: 'The same for one client address. Proxies in `trustedProxies` are not counted, their clients are.',
    }),
    trustedProxies: Type.Array(Type.String({ pattern: PROXY }), {
      default: ['127.0.0.0/8', '::1'],
      maxItems: 1000,
      uniqueItems: true,
      placeholder: 'ADDRESS,…',
      expected: 'different IP addresses or CIDR blocks',
      description:
        'Proxies and CDNs whose `X-Forwarded-For` says who the client is. Everybody else who sends it is not believed.',
    }),
    metrics: Type.Enum(['public', 'loopback', 'off'], {
      default: 'loopback',
      placeholder: 'public|loopback|off',
      description:
        'Who may read `/metrics`: everybody, clients on this machine, or nobody. Clients behind `trustedProxies` are judged by the address these forward.',
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
