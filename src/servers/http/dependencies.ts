// What the HTTP server needs from the rest of the program. It declares the interfaces itself, so that it need not import other modules.

import type { ViewerAccess } from '../../contracts/access.js';
import type { RecordingLibrary } from '../../contracts/recordings.js';
import type { StoredBody } from '../../contracts/stored-body.js';
import type { Thumbnail } from '../../contracts/thumbnail.js';
import type { EventFeed } from '../../contracts/timed-event.js';
import type { SluiceError } from '../../protocols/errors.js';
import type { BitsPerSecond, EpochMilliseconds, Seconds } from '../../protocols/units.js';
import type { EdgesOptions } from './delivery/edges.js';
import type { MetricsSource } from './metrics/figures.js';

/** An answer of the HLS origin. Headers and caching are decided in this module. */
export type OriginAnswer =
  | {
      readonly status: 200;
      readonly kind: OriginAnswerKind;
      /** Must be the same Buffer for the same version of a playlist, because validator and compressed forms are made once per Buffer. */
      readonly body: Buffer;
      /**
       * True for a hinted part, and for the first playlist version that contains what `_HLS_msn` asked for: the answer will never change.
       */
      readonly isFinal?: boolean | undefined;
      /** EXT-X-TARGETDURATION, the unit of cache lifetimes. Default: `HttpOptions.targetDuration`. */
      readonly targetDuration?: Seconds | undefined;
      /** Strong validator with quotes (RFC 9110 section 8.8.3). Default: made from the bytes of a playlist, or the name of a file. */
      readonly entityTag?: string | undefined;
      readonly stored?: undefined;
    }
  | {
      readonly status: 200;
      readonly kind: 'init' | 'segment' | 'part';
      /** Media that is not in memory, and is read while it is sent. */
      readonly stored: StoredBody;
      readonly body?: undefined;
      readonly isFinal?: boolean | undefined;
      readonly targetDuration?: Seconds | undefined;
    }
  | {
      readonly status: 400 | 404 | 503;
      readonly error: SluiceError;
      /** True if a hinted part never came, or if `_HLS_msn` was refused: the answer will never change. */
      readonly isFinal?: boolean | undefined;
      /** Undefined if nothing is published under that name: caches must not store the answer, because a stream may start. */
      readonly targetDuration?: Seconds | undefined;
    };

/** `manifest`: the MPD of MPEG-DASH. */
export type OriginAnswerKind = 'multivariant' | 'media-playlist' | 'manifest' | 'init' | 'segment' | 'part';

/** Delivery directives as in the query. The origin validates them (RFC 8216bis section 6.2.5). */
export interface DeliveryDirectives {
  readonly msn?: string | undefined;
  readonly part?: string | undefined;
  readonly skip?: string | undefined;
}

/**
 * Answers requests for streams by name. Concurrent requests for the same target are coalesced into one call. Names match
 * `[0-9A-Za-z_.-]{1,255}` and are not `.` or `..`. A call may wait. When `signal` aborts, because the last client has left, it must stop
 * waiting at once, and may reject with anything. A settled call must leave no listener on the signal, because the next call may reuse it.
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
  /** @param directives given for an I-frame playlist only */
  file(
    app: string,
    name: string,
    rendition: string,
    file: string,
    signal: AbortSignal,
    directives?: DeliveryDirectives,
  ): Promise<OriginAnswer>;
  /**
   * The answer of the methods above to a request without directives, if it is in memory; undefined if it must be waited for or read from
   * disk. Most answers are in memory, and a promise for each would cost more than finding it.
   * @param rendition empty for the multivariant playlist
   * @param file empty for a playlist
   */
  inMemory?(app: string, name: string, rendition: string, file: string): OriginAnswer | undefined;
}

/** The same streams for MPEG-DASH players, which load their media through `HlsOrigin.file`. The same rules apply. */
export interface DashOrigin {
  manifest(app: string, name: string, signal: AbortSignal): Promise<OriginAnswer>;
  /** The clock to which the manifest refers; undefined if there is no such stream. */
  time(app: string, name: string): EpochMilliseconds | undefined;
}

export interface VideoSourceState {
  /** RFC 6381, or a display name while the RFC 6381 form is unknown. */
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
  /** Highest rate of a segment so far. The multivariant playlist may announce more. */
  readonly bandwidth?: BitsPerSecond | undefined;
}

export interface IngestState {
  /** Measured over all tracks. */
  readonly bitrate?: BitsPerSecond | undefined;
  /** Since publishing began. */
  readonly bytes?: number | undefined;
}

/** The public state of one stream. It must not identify the publisher, nor contain anything that allows publishing. */
export interface StreamState {
  readonly app: string;
  readonly name: string;
  /**
   * `waiting`: publishing, no media yet. `starting`: media arrives, nothing is playable yet. `resuming`: the publisher has left and may
   * return. `ended`: can still be watched for a while.
   */
  readonly state: 'waiting' | 'starting' | 'live' | 'resuming' | 'ended';
  /** When publishing began, ISO 8601. */
  readonly startedAt?: string | undefined;
  readonly source?:
    | { readonly video?: VideoSourceState | undefined; readonly audio?: AudioSourceState | undefined }
    | undefined;
  readonly renditions: readonly RenditionState[];
  /** Viewers by other protocols; the API adds the viewers by HLS and DASH. */
  readonly viewers?: number | undefined;
  readonly ingest?: IngestState | undefined;
  /** Number of publishers so far, including the first. */
  readonly publishes?: number | undefined;
  /** Time left for the publisher to return. */
  readonly resumeLeft?: Seconds | undefined;
  /** True while viewers see the slate. */
  readonly slate?: true | undefined;
  readonly transcode?: TranscodeState | undefined;
  /** Renditions that were withdrawn while the stream ran, because FFmpeg failed too often or was too slow. */
  readonly withdrawn?: readonly { readonly name: string; readonly reason: 'failed' | 'overload' }[] | undefined;
  /** One sentence for each configured thing that is not served, then one for each kind of repair of the media. */
  readonly shortcomings?: readonly string[] | undefined;
}

/** What FFmpeg encodes for a stream. */
export interface TranscodeState {
  /** Names of the encoded renditions. */
  readonly renditions: readonly string[];
  readonly restarts: number;
  /** Tags dropped because FFmpeg was too slow. */
  readonly droppedTags: number;
  /** Media time encoded / media time received, over the last few seconds. Below 1, FFmpeg does not keep up. */
  readonly speed?: number | undefined;
  readonly lag?: Seconds | undefined;
}

export interface StreamDirectory {
  list(): readonly StreamState[];
  get(app: string, name: string): StreamState | undefined;
}

/** Makes thumbnails, and shares them between requests. */
export interface ThumbnailSource {
  /** Undefined if there is no thumbnail (yet). Must not reject. */
  get(app: string, name: string): Promise<Thumbnail | undefined>;
}

export interface Health {
  /** `reasons`: one sentence for each reason, without secrets; empty if ready. */
  ready(): { readonly ready: boolean; readonly reasons: readonly string[] };
}

/** `none`: anybody may publish. `key`: a key in the query of the stream name. `user`: a name and a password. */
export type PublishProof = 'none' | 'key' | 'user';

export interface HttpOptions {
  /** Nominal segment duration, rounded up: the unit of cache lifetimes if the origin states none. Default 2. */
  readonly targetDuration?: Seconds | undefined;
  /**
   * The RTMP port, for the hint on the live list. A function, because port 0 is replaced by the actual port only when the server listens.
   */
  readonly rtmpPort?: (() => number | undefined) | undefined;
  /** The application in that hint. Default `live`. */
  readonly publishApp?: string | undefined;
  /** What an encoder needs for permission to publish; shown in that hint. Default `key`. */
  readonly publishProof?: PublishProof | undefined;
  /** The URL under which viewers reach this server, for link previews. Default: the address in requests that prove it. */
  readonly publicUrl?: string | undefined;
  /** CSP `frame-ancestors` of the list and watch pages. Default `'self'`. */
  readonly pageFrameAncestors?: string | undefined;
  /** CSP `frame-ancestors` of the embed page. Default `*`. */
  readonly embedFrameAncestors?: string | undefined;
  /** Maximum number of waiting requests, in total and per client address. One more gets 503. Default 20 000 and 4000. */
  readonly maxWaiters?: number | undefined;
  readonly maxWaitersPerIp?: number | undefined;
  /** Bytes that unread answers may hold, in total and per client address. Default 256 MiB and 64 MiB. */
  readonly maxUnreadBytes?: number | undefined;
  readonly maxUnreadBytesPerIp?: number | undefined;
  /** IP addresses and CIDR blocks of proxies whose `X-Forwarded-For` is trusted. Default: loopback. */
  readonly trustedProxies?: readonly string[] | undefined;
  /**
   * `public`: `/metrics` is here, for everybody who can reach this server. `admin`: it is only on the admin listener. `off`: nothing is measured.
   * Default `admin`.
   */
  readonly metricsPolicy?: 'public' | 'admin' | 'off' | undefined;
}

export interface HttpDependencies extends HttpOptions {
  readonly origin: HlsOrigin;
  /** If undefined, there is nothing below `/dash/`. */
  readonly dash?: DashOrigin | undefined;
  readonly streams: StreamDirectory;
  readonly health: Health;
  /** Decides who may watch; undefined if everybody may. */
  readonly access?: ViewerAccess | undefined;
  /** Edges that know a secret; undefined if none does. With `only`, `access` must be given. */
  readonly edges?: EdgesOptions | undefined;
  /** If undefined, there is nothing below `/vod/`. */
  readonly recordings?: RecordingLibrary | undefined;
  /** Undefined: streams have no events. */
  readonly events?: EventFeed | undefined;
  /** If undefined, there are no thumbnails. */
  readonly thumbnails?: ThumbnailSource | undefined;
  /** If undefined, `/metrics` has only the figures of HTTP and of the process. */
  readonly metrics?: MetricsSource | undefined;
}
