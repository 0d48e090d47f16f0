// The playlists of one rendition as bytes: each version is rendered at most once, and all clients share the Buffer.

import { encodeMediaPlaylist } from '../playlists/media-playlist.js';
import {
  deltaPlaylist,
  iFrameDeltaPlaylist,
  iFramePlaylist,
  type Listing,
  type LowLatencyListing,
  lowLatencyPlaylist,
  plainPlaylist,
} from './list-window.js';

/** The two playlists of a rendition. */
export type PlaylistKind = 'media' | 'i-frames';

export interface PlaylistSource {
  listing(): Listing;
  lowLatency(kind: PlaylistKind): LowLatencyListing;
}

export class RenditionPlaylists {
  readonly #source: PlaylistSource;
  readonly #full = new Map<PlaylistKind, Buffer>();
  readonly #deltas = new Map<PlaylistKind, Buffer>();
  #segmentsVersion = 0;

  constructor(source: PlaylistSource) {
    this.#source = source;
  }

  /** Call when anything listed has changed: a part, a hint, a report. */
  changed(): void {
    this.#full.clear();
    this.#deltas.clear();
  }

  /** Call when a segment was added or removed, or the stream has ended. */
  segmentsChanged(): void {
    this.changed();
    this.#segmentsVersion += 1;
  }

  /** Increases at each `segmentsChanged`: while it is the same, `plain` is unchanged. */
  get segmentsVersion(): number {
    return this.#segmentsVersion;
  }

  full(kind: PlaylistKind): Buffer {
    return once(this.#full, kind, () => {
      const [listing, lowLatency] = [this.#source.listing(), this.#source.lowLatency(kind)];
      const playlist = kind === 'media' ? lowLatencyPlaylist(listing, lowLatency) : iFramePlaylist(listing, lowLatency);
      return encodeMediaPlaylist(playlist);
    });
  }

  /** A Playlist Delta Update if there are segments to skip; otherwise the full playlist. */
  delta(kind: PlaylistKind): Buffer {
    return once(this.#deltas, kind, () => {
      const [listing, lowLatency] = [this.#source.listing(), this.#source.lowLatency(kind)];
      const delta = kind === 'media' ? deltaPlaylist(listing, lowLatency) : iFrameDeltaPlaylist(listing, lowLatency);
      return delta === undefined ? this.full(kind) : encodeMediaPlaylist(delta);
    });
  }

  /** The playlist of segments, or of their key frames, as a plain HLS server would show it; not cached. */
  plain(kind: PlaylistKind): Buffer {
    const listing = this.#source.listing();
    return encodeMediaPlaylist(kind === 'media' ? plainPlaylist(listing) : iFramePlaylist(listing));
  }
}

function once(made: Map<PlaylistKind, Buffer>, kind: PlaylistKind, make: () => Buffer): Buffer {
  let body = made.get(kind);
  if (body === undefined) {
    body = make();
    made.set(kind, body);
  }
  return body;
}
