// Converts the byte stream of one FFmpeg output pipe (ftyp moov (moof mdat)* [mfra]) to an init segment and fragments.
import { ChunkQueue } from '../bytes/chunk-queue.js';
import { SluiceError } from '../errors.js';
import { BOX_HEADER_SIZE, type BoxHeader, LARGE_BOX_HEADER_SIZE, printableType, readBoxHeader } from './boxes.js';
import { mp4Error } from './errors.js';
import type { Fragment } from './fragment.js';
import { type InitTrack, parseInitSegment } from './init-segment.js';
import { parseFragment } from './movie-fragment.js';

export type FragmentEvent =
  /** ftyp+moov exactly as written. */
  { readonly type: 'init'; readonly bytes: Buffer; readonly track: InitTrack } | FragmentReady;

interface FragmentReady {
  readonly type: 'fragment';
  readonly fragment: Fragment;
}

export interface FragmentReaderLimits {
  /** Limit of one mdat in bytes. 64 MiB is a minute of 8 Mbit/s video; no part is that long. */
  readonly maxMediaDataSize: number;
  /** Limit in bytes of one ftyp, moov, moof, or skipped box (except `mfra`). A larger box is not valid MP4. */
  readonly maxMetadataSize: number;
}

const FRAGMENT_READER_LIMITS: FragmentReaderLimits = {
  maxMediaDataSize: 64 * 1024 * 1024,
  maxMetadataSize: 4 * 1024 * 1024,
};

/** The unit being collected. All other top-level boxes (styp, sidx, prft, mfra, free) are skipped. */
type Unit = 'ftyp' | 'moof' | undefined;

/**
 * Sans-IO. The events do not depend on how the input is split. A fragment inside one chunk is a view of it, otherwise it is copied once.
 * Memory grows with bytes received, never with an announced size.
 */
export class FragmentReader {
  readonly #limits: FragmentReaderLimits;
  readonly #events: FragmentEvent[] = [];
  readonly #queue = new ChunkQueue();
  /** Remaining bytes of a box that is skipped. */
  #skip = 0;
  #unit: Unit;
  /** Size of the unit, as far as its headers are known. It may not have arrived completely. */
  #unitSize = 0;
  /** Number of buffered bytes needed for the next step. Until then the input is not examined again. */
  #needed = 0;
  #track: InitTrack | undefined;
  #failure: SluiceError | undefined;

  constructor(limits: Partial<FragmentReaderLimits> = {}) {
    this.#limits = { ...FRAGMENT_READER_LIMITS, ...limits };
  }

  /** The track of the last init segment. */
  get track(): InitTrack | undefined {
    return this.#track;
  }

  /** Number of bytes that are buffered until their box is complete. */
  get bufferedBytes(): number {
    return this.#queue.length;
  }

  /** Never throws: `next()` throws the error in the bytes, after the events before it. */
  push(bytes: Buffer): void {
    if (this.#failure !== undefined || bytes.length === 0) return;
    this.#queue.push(bytes);
    try {
      while (this.#advance());
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      this.#failure = error;
      this.#queue.clear();
    }
  }

  /**
   * The next event, or undefined if more bytes are needed.
   * @throws the typed error (`mp4.*`, `bytes.*`) that ended this reader; again at each later call.
   */
  next(): FragmentEvent | undefined {
    const event = this.#events.shift();
    if (event === undefined && this.#failure !== undefined) throw this.#failure;
    return event;
  }

  /**
   * Takes one step: skip, collect or emit.
   * @returns false if more bytes are needed
   */
  #advance(): boolean {
    if (this.#skip > 0) {
      this.#skip -= this.#queue.skip(this.#skip);
      return this.#skip === 0 && this.#queue.length > 0;
    }
    if (this.#queue.length < this.#needed) return false;
    const header = readBoxHeader(this.#queue.peek(this.#unitSize, LARGE_BOX_HEADER_SIZE));
    if (header === undefined) return false;
    if (this.#unit === undefined) this.#open(header);
    else if (this.#unit === 'ftyp') return this.#gatherInit(header);
    else return this.#gatherFragment(header);
    return true;
  }

  #open(header: BoxHeader): void {
    switch (header.type) {
      case 'ftyp':
      case 'moof':
        if (header.type === 'moof' && this.#track === undefined) {
          throw mp4Error('mp4.box-order', 'got moof, expected ftyp and moov before it');
        }
        this.#requireSize(header, this.#limits.maxMetadataSize);
        this.#unit = header.type;
        this.#unitSize = header.size;
        this.#needed = header.size + BOX_HEADER_SIZE;
        return;
      case 'moov':
      case 'mdat':
        throw mp4Error('mp4.box-order', `got ${header.type} alone, expected ftyp before moov and moof before mdat`);
      case 'mfra':
        // The index at the end of a file has an entry for every fragment: tens of MiB for hours of one-frame fragments.
        this.#skip = header.size;
        return;
      default:
        this.#requireSize(header, this.#limits.maxMetadataSize);
        this.#skip = header.size;
    }
  }

  #gatherInit(header: BoxHeader): boolean {
    this.#requireSize(header, this.#limits.maxMetadataSize);
    if (header.type !== 'moov')
      throw mp4Error('mp4.box-order', `got ${printableType(header.type)} after ftyp, expected moov`);
    const size = this.#unitSize + header.size;
    this.#needed = size;
    if (this.#queue.length < size) return false;
    const bytes = this.#takeUnit(size);
    this.#track = parseInitSegment(bytes);
    this.#events.push({ type: 'init', bytes, track: this.#track });
    return true;
  }

  #gatherFragment(header: BoxHeader): boolean {
    this.#requireSize(header, this.#limits.maxMediaDataSize);
    if (header.type !== 'mdat')
      throw mp4Error('mp4.box-order', `got ${printableType(header.type)} after moof, expected mdat`);
    if (this.#track === undefined) throw mp4Error('mp4.box-order', 'got moof before moov');
    const size = this.#unitSize + header.size;
    this.#needed = size;
    if (this.#queue.length < size) return false;
    this.#events.push({ type: 'fragment', fragment: parseFragment(this.#takeUnit(size), this.#track) });
    return true;
  }

  #requireSize(header: BoxHeader, limit: number): void {
    if (header.size > limit) {
      throw mp4Error(
        'mp4.box-limit',
        `box ${printableType(header.type)} says ${header.size} bytes, the limit is ${limit}`,
      );
    }
  }

  #takeUnit(size: number): Buffer {
    this.#unit = undefined;
    this.#unitSize = 0;
    this.#needed = 0;
    return this.#queue.take(size);
  }
}
