// The playlists of one rendition: what they list at this moment, and their bytes. Each version is rendered at most once, and all clients share
// the Buffer.
import type { Seconds } from '../../protocols/units.js';
import { encodeMediaPlaylist, type RenditionReport } from '../playlists/media-playlist.js';
import type { PlaylistPosition } from './blocking-reload.js';
import {
  deltaPlaylist,
  firstWithParts,
  iFrameDeltaPlaylist,
  iFramePlaylist,
  type Listing,
  type LowLatencyListing,
  lowLatencyPlaylist,
  plainPlaylist,
} from './list-window.js';
import type { MadeMedia } from './media-files.js';
import { I_FRAMES, PLAYLIST } from './segment.js';

/** The two playlists of a rendition. */
export type PlaylistKind = 'media' | 'i-frames';

export interface RenditionPlaylistsOptions extends MadeMedia {
  /** Name of the rendition. */
  readonly name: string;
  readonly partTarget: Seconds;
  /** Whether delta updates are advertised. */
  readonly skips: boolean;
  /** EXT-X-PLAYLIST-TYPE:EVENT */
  readonly event: boolean;
  /** URI for EXT-X-PRELOAD-HINT. */
  readonly nextPart: () => string | undefined;
  /** RENDITION-REPORT of the other playlists. */
  readonly reports: (kind: PlaylistKind) => readonly RenditionReport[];
  readonly ended: () => boolean;
}

export class RenditionPlaylists {
  readonly #options: RenditionPlaylistsOptions;
  readonly #full = new Map<PlaylistKind, Buffer>();
  readonly #deltas = new Map<PlaylistKind, Buffer>();
  #segmentsVersion = 0;
  /** Media sequence number below which part tags were removed. */
  #partsFrom = 0;

  constructor(options: RenditionPlaylistsOptions) {
    this.#options = options;
  }

  /** Something listed has changed: a part, a hint, a report. */
  changed(): void {
    this.#full.clear();
    this.#deltas.clear();
  }

  /** A segment was added or removed, or the stream has ended. */
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
      const [listing, lowLatency] = [this.#listing(), this.#lowLatency(kind)];
      const playlist = kind === 'media' ? lowLatencyPlaylist(listing, lowLatency) : iFramePlaylist(listing, lowLatency);
      return encodeMediaPlaylist(playlist);
    });
  }

  /** A Playlist Delta Update if there are segments to skip; otherwise the full playlist. */
  delta(kind: PlaylistKind): Buffer {
    return once(this.#deltas, kind, () => {
      const [listing, lowLatency] = [this.#listing(), this.#lowLatency(kind)];
      const delta = kind === 'media' ? deltaPlaylist(listing, lowLatency) : iFrameDeltaPlaylist(listing, lowLatency);
      return delta === undefined ? this.full(kind) : encodeMediaPlaylist(delta);
    });
  }

  /** The segments, or their key frames, as a plain HLS server would list them; not cached. */
  plain(kind: PlaylistKind): Buffer {
    const listing = this.#listing();
    return encodeMediaPlaylist(kind === 'media' ? plainPlaylist(listing) : iFramePlaylist(listing));
  }

  /** Starts again, because nothing was published yet. */
  reset(): void {
    this.#partsFrom = 0;
    this.segmentsChanged();
  }

  get position(): PlaylistPosition {
    const { segmenter, window } = this.#options;
    const { open } = segmenter;
    const openParts = open?.parts.length ?? 0;
    const lastMediaSequence = open === undefined ? (segmenter.lastMediaSequence ?? -1) : open.mediaSequence - 1;
    return { lastMediaSequence, openParts, partsOf: (msn) => window.find(msn)?.parts.length };
  }

  /** For RENDITION-REPORT. */
  get report(): RenditionReport | undefined {
    const { name, segmenter, window } = this.#options;
    const { open } = segmenter;
    const uri = `../${name}/${PLAYLIST}`;
    if (open !== undefined) return { uri, lastMediaSequence: open.mediaSequence, lastPart: open.parts.length - 1 };
    const last = window.listed.at(-1);
    if (last === undefined) return undefined;
    return { uri, lastMediaSequence: last.mediaSequence, lastPart: Math.max(0, last.parts.length - 1) };
  }

  /** The same for the I-frame playlist, which has complete segments and no parts. */
  get iFrameReport(): RenditionReport {
    const { lastMediaSequence } = this.position;
    return { uri: `../${this.#options.name}/${I_FRAMES}`, lastMediaSequence, lastPart: undefined };
  }

  #lowLatency(kind: PlaylistKind): LowLatencyListing {
    const { partTarget, skips, nextPart, reports } = this.#options;
    return { partTarget, skips, nextPart: nextPart(), reports: reports(kind) };
  }

  #listing(): Listing {
    const { schedule, segmenter, window, archive, event, ended } = this.#options;
    const { targetDuration } = schedule;
    const listing = {
      targetDuration: targetDuration ?? 0,
      event,
      earlier: archive !== undefined && archive.count > 0 ? archive : undefined,
      complete: window.listed,
      open: segmenter.open,
      ended: ended(),
    };
    this.#partsFrom = Math.max(this.#partsFrom, firstWithParts(listing));
    return { ...listing, partsFrom: this.#partsFrom };
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
