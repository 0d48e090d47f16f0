// The playlists of one rendition as bytes: each rendered at most once for a version, and the same Buffer for everybody who asks.
import {
  deltaPlaylist,
  iFramePlaylist,
  type Listing,
  type LowLatencyListing,
  lowLatencyPlaylist,
  plainPlaylist,
} from './list-window.js';
import { encodeMediaPlaylist } from './media-playlist.js';

export interface PlaylistSource {
  listing(): Listing;
  lowLatency(): LowLatencyListing;
}

export class RenditionPlaylists {
  readonly #source: PlaylistSource;
  #full: Buffer | undefined;
  #delta: Buffer | undefined;
  #iFrames: Buffer | undefined;
  #segmentsVersion = 0;

  constructor(source: PlaylistSource) {
    this.#source = source;
  }

  /** Something that is listed changed: a part, a hint, a report. */
  changed(): void {
    this.#full = undefined;
    this.#delta = undefined;
  }

  /** A segment came or went, or no more come. */
  segmentsChanged(): void {
    this.changed();
    this.#iFrames = undefined;
    this.#segmentsVersion += 1;
  }

  /** Another number after each `segmentsChanged`: while it is the same, so are `plain` and `iFrames`. */
  get segmentsVersion(): number {
    return this.#segmentsVersion;
  }

  get full(): Buffer {
    this.#full ??= encodeMediaPlaylist(lowLatencyPlaylist(this.#source.listing(), this.#source.lowLatency()));
    return this.#full;
  }

  /** A Playlist Delta Update, where there is something to skip; otherwise the full playlist. */
  get delta(): Buffer {
    if (this.#delta === undefined) {
      const delta = deltaPlaylist(this.#source.listing(), this.#source.lowLatency());
      this.#delta = delta === undefined ? this.full : encodeMediaPlaylist(delta);
    }
    return this.#delta;
  }

  /** The key frames of the segments. */
  get iFrames(): Buffer {
    this.#iFrames ??= encodeMediaPlaylist(iFramePlaylist(this.#source.listing()));
    return this.#iFrames;
  }

  /** As any HLS server would list the same segments; not kept. */
  plain(): Buffer {
    return encodeMediaPlaylist(plainPlaylist(this.#source.listing()));
  }
}
