// The playlists of one rendition: what they list now, and their bytes. Each version is rendered at most once, and all clients share the Buffer.

import { type Seconds, secondsToMilliseconds } from '../../protocols/units.js';
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
import { type CompleteSegment, I_FRAMES, PLAYLIST } from './segment.js';

/** The two playlists of a rendition. */
export type PlaylistKind = 'media' | 'i-frames';

export interface ListedMediaOptions extends MadeMedia {
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

/** What the playlists of one track list at this moment, as data: segments, open parts, hints and reports. */
export class ListedMedia {
  readonly #options: ListedMediaOptions;
  /** Segments before this media sequence number are listed without parts. */
  #partsFrom = 0;
  /** The media sequence number after the newest segment that only one kind of media had at the end of a run. */
  #tailEnd = 0;
  /** Media sequence number of the newest segment that was listed before it was complete. */
  #lastOpen = 0;

  constructor(options: ListedMediaOptions) {
    this.#options = options;
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

  /** The same for the I-frame playlist, which lists complete segments and no parts. */
  get iFrameReport(): RenditionReport {
    const { lastMediaSequence } = this.position;
    return { uri: `../${this.#options.name}/${I_FRAMES}`, lastMediaSequence, lastPart: undefined };
  }

  lowLatency(kind: PlaylistKind): LowLatencyListing {
    const { partTarget, skips, nextPart, reports } = this.#options;
    return { partTarget, skips, nextPart: nextPart(), reports: reports(kind) };
  }

  listing(): Listing {
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
    const partsUntil = this.#partsUntil();
    const partsFrom = listing.ended && this.#endsAlone() ? Number.POSITIVE_INFINITY : firstWithParts(listing);
    this.#partsFrom = Math.max(this.#partsFrom, partsFrom);
    return { ...listing, partsFrom: this.#partsFrom, partsUntil };
  }

  /**
   * Segments at the end of a run that only one kind of media has are listed without parts, unless players know some of them already. hls.js
   * holds sound back that has no pictures yet, and when the pictures have ended it appends only the first part of it.
   */
  #partsUntil(): number {
    const { listed } = this.#options.window;
    const { open } = this.#options.segmenter;
    if (open !== undefined) this.#lastOpen = open.mediaSequence;
    const isTail = (segment: CompleteSegment): boolean =>
      segment.mediaSequence > this.#lastOpen && this.#isAlone(segment, segment.start);
    const tail = listed.slice(listed.findLastIndex((segment) => !isTail(segment)) + 1);
    const [first] = tail;
    if (open === undefined && first !== undefined) {
      this.#tailEnd = first.mediaSequence + tail.length;
      return first.mediaSequence;
    }
    // Part tags must not come back when the publisher does.
    this.#partsFrom = Math.max(this.#partsFrom, this.#tailEnd);
    return Number.POSITIVE_INFINITY;
  }

  /**
   * Whether the middle of the last part has no counterpart in the other kind of media. hls.js waits until it is buffered in both kinds, and
   * so never reaches the end of the stream; without any part it waits for the last segment of each kind.
   */
  #endsAlone(): boolean {
    const last = this.#options.window.listed.at(-1);
    if (last === undefined) return false;
    return this.#isAlone(last, last.end - (last.parts.at(-1)?.duration ?? 0) / 2);
  }

  #isAlone({ index, gap }: Pick<CompleteSegment, 'index' | 'gap'>, time: Seconds): boolean {
    return !gap && this.#options.schedule.ends.isAlone(index, secondsToMilliseconds(time));
  }

  /** Starts again, because nothing was published yet. */
  reset(): void {
    this.#partsFrom = 0;
    this.#tailEnd = 0;
    this.#lastOpen = 0;
  }
}

/** The playlists as bytes. */
export class RenditionPlaylists {
  readonly #source: ListedMedia;
  readonly #full = new Map<PlaylistKind, Buffer>();
  readonly #deltas = new Map<PlaylistKind, Buffer>();
  #segmentsVersion = 0;

  constructor(source: ListedMedia) {
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
