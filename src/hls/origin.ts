// What the HTTP server asks: one door to all presentations by name, with waiting, expiry and status decided here.
import type { SluiceError } from '../protocols/errors.js';
import type { Milliseconds } from '../protocols/units.js';
import type { Clock } from './clock.js';
import type { Presentation } from './presentation.js';

/** Query values as received, undecoded numbers: `_HLS_msn`, `_HLS_part`, `_HLS_skip`. */
export interface PlaylistDirectives {
  readonly msn?: string | undefined;
  readonly part?: string | undefined;
  readonly skip?: string | undefined;
}

export type OriginAnswer =
  | {
      readonly status: 200;
      readonly kind: 'multivariant' | 'media-playlist' | 'init' | 'segment' | 'part';
      /** The same Buffer for every viewer of one version: compare by identity to cache an ETag or a compression. */
      readonly body: Buffer;
      /** The request carried a delivery directive or waited for a hinted part (RFC 8216bis B.1 caches it longer). */
      readonly blocking: boolean;
      /** TARGETDURATION, for Cache-Control. */
      readonly targetDuration: number;
    }
  | { readonly status: 400 | 404 | 503; readonly error: SluiceError; readonly targetDuration?: number };

export interface OriginOptions {
  readonly clock?: Clock;
  /** How long a first playlist request waits for a starting stream. Default 15 s. */
  readonly startingLimit?: Milliseconds;
}

export declare class Origin {
  constructor(options?: OriginOptions);
  /** A publisher was accepted: from now requests for this name wait for its first playable playlist. */
  starting(app: string, name: string): void;
  /** The publisher left before a presentation was attached: waiting requests get 404. */
  abandoned(app: string, name: string): void;
  /** From now answers come from this presentation, until its window has passed after its end or a later one replaces it. */
  attach(presentation: Presentation): void;
  presentation(app: string, name: string): Presentation | undefined;
  /** Requests that wait right now. */
  readonly waiting: number;
  multivariant(app: string, name: string, signal?: AbortSignal): Promise<OriginAnswer>;
  mediaPlaylist(
    app: string,
    name: string,
    rendition: string,
    directives: PlaylistDirectives,
    signal?: AbortSignal,
  ): Promise<OriginAnswer>;
  file(app: string, name: string, rendition: string, file: string, signal?: AbortSignal): Promise<OriginAnswer>;
}
