// The figures of the rest of the gateway that the metrics page shows, and who else may show the page.

import type { BucketState } from '../../../contracts/recordings.js';
import type { BitsPerSecond } from '../../../protocols/units.js';

/** Counters since the start and current values of everything except HTTP. Read once per request for `/metrics`. */
export interface GatewayFigures {
  readonly rtmp?: {
    readonly connections: number;
    readonly connectionsAccepted: number;
    readonly connectionsRefused: number;
    readonly publishers: number;
    readonly publishesAccepted: number;
    readonly publishesRefused: number;
    /** Current number of RTMP viewers, and numbers of accepted and refused play requests. */
    readonly viewers: number;
    readonly playsAccepted: number;
    readonly playsRefused: number;
    /** Messages dropped because viewers were too slow. */
    readonly viewerDroppedTags: number;
    readonly bytesReceived: number;
    readonly bytesSent: number;
    /** Connections ended by an error, by error code. */
    readonly closedByError: ReadonlyMap<string, number>;
  };
  readonly streams: readonly StreamFigures[];
  /** Streams ended by an internal error. */
  readonly brokenStreams?: number;
  /** Undefined if nothing is sent to a bucket. */
  readonly bucket?: BucketState | undefined;
  /** Refused requests of the management API, by the code of the error. */
  readonly adminRefused?: ReadonlyMap<string, number>;
  /** Timed events by origin, those left out because they were too large, and connections that read events. */
  readonly timedEvents?: {
    readonly publisher: number;
    readonly program: number;
    readonly dropped: number;
    readonly readers: number;
  };
  /** Messages that must reach a webhook: how many are not delivered yet, were delivered, and were given up. */
  readonly outbox?: { readonly waiting: number; readonly delivered: number; readonly dropped: number };
  /**
   * Streams being encoded, renditions withdrawn because encoding was too slow, and publishers without a ladder because the machine was
   * full.
   */
  readonly capacity?: { readonly transcodes: number; readonly shed: number; readonly refused: number };
}

/** Figures of one stream. A figure is undefined if it is unknown. */
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
  /** Repairs of the publisher's media, by kind. */
  readonly repairs?: ReadonlyMap<string, number> | undefined;
  readonly clockJumps?: number | undefined;
  readonly forcedCuts?: number | undefined;
  readonly gaps?: number | undefined;
  readonly discontinuities?: number | undefined;
  /** Failed attempts to update the copy on disk. */
  readonly storeFailures?: number | undefined;
  readonly ffmpegRestarts?: number | undefined;
  /** Renditions withdrawn while the stream ran, by reason. */
  readonly withdrawn?: ReadonlyMap<string, number> | undefined;
  /** Media time encoded / wall time. */
  readonly ffmpegSpeed?: number | undefined;
}

export interface MetricsSource {
  figures(): GatewayFigures;
  /** Called with the metrics of this HTTP server, for those who show them elsewhere; undefined when it has closed. */
  offer?(page: MetricsPage | undefined): void;
}

/** All metrics in the text format of Prometheus. */
export interface MetricsPage {
  readonly contentType: string;
  render(): Promise<string>;
}
