// What the HTTP server needs from the rest of the program, declared by the consumer so that no other room is imported.

import type { StoredBody } from '../../contracts/stored-body.js';
import type { Thumbnail } from '../../contracts/thumbnail.js';
import type { SluiceError } from '../../protocols/errors.js';
import type { BitsPerSecond, EpochMilliseconds, Seconds } from '../../protocols/units.js';

/** What the HLS origin answered. Shapes only: status, headers and caching are the business of this room. */
export type OriginAnswer =
  | {
      readonly status: 200;
      readonly kind: OriginAnswerKind;
      /** The same Buffer for the same version of a playlist: its validator and compressed forms are made once for each. */
      readonly body: Buffer;
      /** True when this is the first version that has what `_HLS_msn` asked for, or a hinted part: such an answer never changes. */
      readonly blocking?: boolean | undefined;
      /** EXT-X-TARGETDURATION of the stream; cache lifetimes are multiples of it. Default: `HttpOptions.targetDuration`. */
      readonly targetDuration?: Seconds | undefined;
      /** Strong validator with its quotes, RFC 9110 section 8.8.3. Default: of the bytes of a playlist, of the name of a file. */
      readonly entityTag?: string | undefined;
      readonly stored?: undefined;
    }
  | {
      readonly status: 200;
      readonly kind: 'init' | 'segment' | 'part';
      /** Media that is read while it is sent, because it is nowhere in memory. */
      readonly stored: StoredBody;
      readonly body?: undefined;
      readonly blocking?: boolean | undefined;
      readonly targetDuration?: Seconds | undefined;
    }
  | {
      readonly status: 400 | 404 | 503;
      readonly error: SluiceError;
      /** True when a hinted part was waited for and never came, or a `_HLS_msn` was refused: such an answer never changes. */
      readonly blocking?: boolean | undefined;
      /** Left out when nothing is published under that name: such an answer is never stored, because a stream may start. */
      readonly targetDuration?: Seconds | undefined;
    };

/** `manifest`: the MPD of MPEG-DASH. */
export type OriginAnswerKind = 'multivariant' | 'media-playlist' | 'manifest' | 'init' | 'segment' | 'part';

/** Delivery directives as they stood in the query, undecided: RFC 8216bis section 6.2.5 is the origin's business. */
export interface DeliveryDirectives {
  readonly msn?: string | undefined;
  readonly part?: string | undefined;
  readonly skip?: string | undefined;
}

/**
 * Serves one presentation by name. Requests for the same at the same time become one call. Every name was checked against `[0-9A-Za-z_.-]{1,255}` (and is not `.` or `..`).
 * A call may wait; when `signal` aborts (the last client left) it frees its waiter at once and may reject with anything.
 * Once a call has settled it leaves no listener on the signal, which may be that of the next call.
 */
export interface HlsOrigin {
  multivariant(app: string, name: string, signal: AbortSignal): Promise<OriginAnswer>;
  mediaPlaylist(
    app: string,
    name: string,
    rendition: string,
    directives: DeliveryDirectives,
    signal: AbortSignal,
  ): Promise<OriginAnswer>;
  /** @param directives given for a playlist of I-frames only */
  file(
    app: string,
    name: string,
    rendition: string,
    file: string,
    signal: AbortSignal,
    directives?: DeliveryDirectives,
  ): Promise<OriginAnswer>;
  /**
   * What those above would answer without directives, where it needs no waiting and no disk: most of what players ask for is
   * there, and a promise for each costs more than finding it. Undefined for everything else.
   * @param rendition empty for the multivariant playlist; @param file empty for a playlist
   */
  atHand?(app: string, name: string, rendition: string, file: string): OriginAnswer | undefined;
}

/** The same presentations for players of MPEG-DASH, whose media is that of `HlsOrigin.file`. Rules as there. */
export interface DashOrigin {
  manifest(app: string, name: string, signal: AbortSignal): Promise<OriginAnswer>;
  /** The clock of that manifest; undefined when there is no such stream. */
  time(app: string, name: string): EpochMilliseconds | undefined;
}

export interface VideoSourceState {
  /** RFC 6381, or a display name while it is not known. */
  readonly codec: string;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Frames per second. */
  readonly frameRate?: number | undefined;
}

export interface AudioSourceState {
  readonly codec: string;
  /** Hertz. */
  readonly sampleRate?: number | undefined;
  readonly channels?: number | undefined;
}

export interface RenditionState {
  readonly name: string;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly frameRate?: number | undefined;
  readonly codecs?: string | undefined;
  /** Highest measured so far: the peak of a segment. The multivariant playlist may announce more. */
  readonly bandwidth?: BitsPerSecond | undefined;
}

export interface IngestState {
  /** Measured, all tracks. */
  readonly bitrate?: BitsPerSecond | undefined;
  /** Since the publish began. */
  readonly bytes?: number | undefined;
}

/** One stream as anybody may see it: nothing in here may identify the publisher or open the ingest. */
export interface StreamState {
  readonly app: string;
  readonly name: string;
  /**
   * `waiting`: publishing, no media yet. `starting`: media arrives, nothing playable yet. `resuming`: the publisher is gone and
   * may come back. `ended`: still in its window.
   */
  readonly state: 'waiting' | 'starting' | 'live' | 'resuming' | 'ended';
  /** ISO 8601, when this publish began. */
  readonly startedAt?: string | undefined;
  readonly source?:
    | { readonly video?: VideoSourceState | undefined; readonly audio?: AudioSourceState | undefined }
    | undefined;
  readonly renditions: readonly RenditionState[];
  /** Known elsewhere than by HLS; the API adds those. */
  readonly viewers?: number | undefined;
  readonly ingest?: IngestState | undefined;
  /** Publishers that have continued these playlists, the first included. */
  readonly publishes?: number | undefined;
  /** How long the playlists still wait for the publisher. */
  readonly resumeLeft?: Seconds | undefined;
  /** Meanwhile viewers see the slate. */
  readonly slate?: true | undefined;
  readonly transcode?: TranscodeState | undefined;
  /** Taken out while the stream ran, because FFmpeg failed too often or did not keep up. */
  readonly withdrawn?: readonly { readonly name: string; readonly reason: 'failed' | 'overload' }[] | undefined;
  /** One sentence for each thing of the ladder that was not made. */
  readonly shortcomings?: readonly string[] | undefined;
}

/** What FFmpeg does for a stream. */
export interface TranscodeState {
  /** Names of what it makes. */
  readonly renditions: readonly string[];
  readonly restarts: number;
  /** Tags that it was too slow for. */
  readonly droppedTags: number;
  /** Media time made over media time received in the last seconds; 1 keeps up. */
  readonly speed?: number | undefined;
  readonly lag?: Seconds | undefined;
}

export interface StreamDirectory {
  list(): readonly StreamState[];
  get(app: string, name: string): StreamState | undefined;
}

/** A picture of a stream, newly made or shared. */
export interface ThumbnailSource {
  /** Undefined when there is none (yet). Must not reject. */
  get(app: string, name: string): Promise<Thumbnail | undefined>;
}

export interface Health {
  /** `reasons`: one sentence each, without secrets, empty when ready. */
  ready(): { readonly ready: boolean; readonly reasons: readonly string[] };
}

/** `none`: everybody may publish; `key`: it stands in the query of the stream name; `user`: a name and a password. */
export type PublishProof = 'none' | 'key' | 'user';

export interface HttpOptions {
  /** Nominal segment duration rounded up: the unit of cache lifetimes where the origin names none. Default 2. */
  readonly targetDuration?: Seconds | undefined;
  /** The port encoders publish to, for the hint on the live list; a function, because port 0 is known only after listening. */
  readonly rtmpPort?: (() => number | undefined) | undefined;
  /** The application named in that hint. Default `live`. */
  readonly publishApp?: string | undefined;
  /** How encoders prove that they may publish, for the same hint. Default `key`. */
  readonly publishProof?: PublishProof | undefined;
  /** Under which viewers reach this server: for link previews, which need absolute addresses. Default: where a request proves it. */
  readonly publicUrl?: string | undefined;
  /** CSP `frame-ancestors` of the list and watch pages. Default `'self'`. */
  readonly pageFrameAncestors?: string | undefined;
  /** CSP `frame-ancestors` of the embed page. Default `*`: embedding is what it is for. */
  readonly embedFrameAncestors?: string | undefined;
  /** Requests held open in all and for one client address; one more gets 503. Default 20 000 and 4000. */
  readonly maxWaiters?: number | undefined;
  readonly maxWaitersPerIp?: number | undefined;
  /** Bytes that answers may hold which nobody has read yet, in all and for one client address. Default 256 MiB and 64 MiB. */
  readonly maxUnreadBytes?: number | undefined;
  readonly maxUnreadBytesPerIp?: number | undefined;
  /** IP addresses and CIDR blocks whose `X-Forwarded-For` is believed. Default: loopback. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Who may read `/metrics`; a client behind trusted proxies is judged by its own address. Default `loopback`. */
  readonly metricsPolicy?: 'public' | 'loopback' | 'off' | undefined;
}

/** Counts since the start, and states of the moment, of everything but HTTP itself; asked once for each look at `/metrics`. */
export interface GatewayFigures {
  readonly rtmp?: {
    readonly connections: number;
    readonly connectionsAccepted: number;
    readonly connectionsRefused: number;
    readonly publishers: number;
    readonly publishesAccepted: number;
    readonly publishesRefused: number;
    /** Watching over RTMP at the moment, and those that were let in or turned away. */
    readonly viewers: number;
    readonly playsAccepted: number;
    readonly playsRefused: number;
    /** Messages that viewers were too slow for. */
    readonly viewerDroppedTags: number;
    readonly bytesReceived: number;
    readonly bytesSent: number;
    /** Connections ended by an error, by its code. */
    readonly closedByError: ReadonlyMap<string, number>;
  };
  readonly streams: readonly StreamFigures[];
  /** Streams that an internal error has ended. */
  readonly brokenStreams?: number;
  /** Of all encoding: renditions given up because it was too slow, and publishers that got none because the machine was full. */
  readonly capacity?: { readonly transcodes: number; readonly shed: number; readonly refused: number };
}

/** Of one stream. Figures that are not known (yet) are left out. */
export interface StreamFigures {
  readonly app: string;
  readonly name: string;
  readonly bytesIn?: number | undefined;
  readonly bitrate?: BitsPerSecond | undefined;
  readonly videoFrames?: number | undefined;
  readonly audioFrames?: number | undefined;
  /** Frames per second, measured. */
  readonly frameRate?: number | undefined;
  readonly droppedTags?: number | undefined;
  readonly repairedTimestamps?: number | undefined;
  /** Messages that had to be changed or left out, by kind. */
  readonly repairs?: ReadonlyMap<string, number> | undefined;
  readonly clockJumps?: number | undefined;
  readonly forcedCuts?: number | undefined;
  readonly gaps?: number | undefined;
  readonly discontinuities?: number | undefined;
  /** Attempts to bring the copy on disk up to date that failed. */
  readonly storeFailures?: number | undefined;
  readonly ffmpegRestarts?: number | undefined;
  /** Renditions that were taken out while the stream ran, by the reason. */
  readonly withdrawn?: ReadonlyMap<string, number> | undefined;
  /** Media time over wall time of the encoders. */
  readonly ffmpegSpeed?: number | undefined;
}

export interface MetricsSource {
  figures(): GatewayFigures;
}

export interface HttpDependencies extends HttpOptions {
  readonly origin: HlsOrigin;
  /** Without it nothing is below `/dash/`. */
  readonly dash?: DashOrigin | undefined;
  readonly streams: StreamDirectory;
  readonly health: Health;
  /** Without it there are none. */
  readonly thumbnails?: ThumbnailSource | undefined;
  /** Without it `/metrics` tells of HTTP and the process alone. */
  readonly metrics?: MetricsSource | undefined;
}
