// Media sequence numbers are never used twice for a name, whatever died in between: a file name reused behind a CDN is a corrupted stream.

import type { Clock } from '../../protocols/clock.js';
import type { Milliseconds } from '../../protocols/units.js';
import { I_FRAMES, PLAYLIST, parseMediaFileName } from '../window/segment.js';
import { TEMPORARY_SUFFIX } from './disk-store.js';
import { type LeftFiles, removeDirectories } from './left-stream.js';
import type { SegmentStore, StorePath } from './segment-store.js';

/** 2024-01-01T00:00:00Z. A stream makes fewer than one segment a second, so numbers counted from here run ahead of any use. */
const EPOCH: Milliseconds = Date.UTC(2024, 0, 1);

/**
 * Numbers that may have been used after the last one the disk knows, of segments and so of discontinuities: the disk is written
 * behind. Players take media of a discontinuity number that they have seen for a continuation of it, and wait for what it is not.
 */
const RECOVERY_MARGIN = 100;

/** What every multivariant playlist of ours has one of, and no other playlist. */
const MULTIVARIANT = /^#EXT-X-(?:STREAM-INF|MEDIA):/m;

/** Names remembered after their end; older ones are covered by the clock. */
const REMEMBERED_NAMES = 10_000;

export interface SequenceStart {
  readonly firstMediaSequence: number;
  readonly firstDiscontinuitySequence: number;
  /** Players may still hold an earlier playlist of this name. */
  readonly continuesEarlier: boolean;
}

interface EarlierLife {
  /** One past the highest media sequence number used. */
  readonly next: number;
  readonly discontinuityNumber: number;
}

/** By stream directory, `live/name`. */
export type RecoveredSequences = ReadonlyMap<StorePath, EarlierLife>;

export interface SequenceNumbersOptions {
  readonly clock: Clock;
  readonly recovered?: RecoveredSequences;
}

export class SequenceNumbers {
  readonly #clock: Clock;
  readonly #lives: Map<StorePath, EarlierLife>;
  readonly #startedAt: { readonly wallClock: number; readonly monotonic: Milliseconds };

  constructor(options: SequenceNumbersOptions) {
    this.#clock = options.clock;
    this.#lives = new Map(options.recovered);
    this.#startedAt = { wallClock: this.#clock.wallClock(), monotonic: this.#clock.now() };
  }

  /** For a new presentation of this name. */
  next(app: string, name: string): SequenceStart {
    const life = this.#lives.get(`${app}/${name}`);
    const first = Math.max(1, this.#secondsSinceEpoch(), life?.next ?? 0);
    return {
      firstMediaSequence: first,
      firstDiscontinuitySequence: life?.discontinuityNumber ?? 0,
      continuesEarlier: life !== undefined,
    };
  }

  /** A presentation of this name has used numbers below `next`; call when it ends. */
  used(app: string, name: string, next: number, discontinuityNumber: number): void {
    const key = `${app}/${name}`;
    const earlier = this.#lives.get(key);
    this.#lives.delete(key);
    this.#lives.set(key, { next: Math.max(next, earlier?.next ?? 0), discontinuityNumber });
    if (this.#lives.size <= REMEMBERED_NAMES) return;
    const now = this.#secondsSinceEpoch();
    for (const [oldest, { next: used }] of this.#lives) {
      // Insertion order is order of ending. A name whose numbers run ahead of the clock must be kept.
      if (used < now) {
        this.#lives.delete(oldest);
        return;
      }
    }
  }

  /** The wall clock may be set back while we run; numbers must not follow it. */
  #secondsSinceEpoch(): number {
    const { wallClock, monotonic } = this.#startedAt;
    return Math.floor((wallClock + this.#clock.now() - monotonic - EPOCH) / 1000);
  }
}

export interface Recovery {
  readonly sequences: RecoveredSequences;
  /** What is still there, because players may be waiting for it. */
  readonly left: readonly LeftFiles[];
}

/**
 * Reads what an earlier process left in the store, and removes what nobody lists any more. Only files this program makes
 * are touched.
 * @param isAwaited which streams stay as they are
 */
export async function recoverStreams(store: SegmentStore, isAwaited: (left: LeftFiles) => boolean): Promise<Recovery> {
  const lives = new Map<StorePath, EarlierLife>();
  const found = new Map<StorePath, FoundFiles>();
  const stale: StorePath[] = [];
  const filesOf = (directory: StorePath): FoundFiles => {
    const known = found.get(directory) ?? { directory, files: [], playlists: new Map() };
    found.set(directory, known);
    return known;
  };
  for (const path of await store.list('')) {
    const names = path.split('/');
    const file = names.at(-1) ?? '';
    const media = parseMediaFileName(file.replace(/\.\d+-\d+\.tmp$/, ''));
    const stream = names.slice(0, -2).join('/');
    if (names.length >= 4 && media !== undefined) {
      raise(lives, stream, { next: media.mediaSequence + 1 + RECOVERY_MARGIN, discontinuityNumber: 0 });
      if (!file.endsWith(TEMPORARY_SUFFIX)) filesOf(stream).files.push(path);
      else stale.push(path);
    } else if (file === PLAYLIST || file === I_FRAMES) {
      const text = (await store.read(path))?.toString('utf8') ?? '';
      // The multivariant playlist stands above the renditions.
      const { files, playlists } = filesOf(MULTIVARIANT.test(text) ? names.slice(0, -1).join('/') : stream);
      files.push(path);
      playlists.set(path, text);
    } else if (file.endsWith(TEMPORARY_SUFFIX)) {
      stale.push(path);
    }
  }
  const left: LeftFiles[] = [];
  for (const stream of found.values()) {
    if (lives.has(stream.directory)) {
      const discontinuities = [...stream.playlists.values()].map(discontinuitiesOf);
      const discontinuityNumber = Math.max(0, ...discontinuities) + RECOVERY_MARGIN;
      raise(lives, stream.directory, { next: 0, discontinuityNumber });
    }
    if (isAwaited(stream)) left.push(stream);
    else stale.push(...stream.files);
  }
  for (const path of stale) await store.remove(path);
  await removeDirectories(store, stale);
  return { sequences: lives, left };
}

interface FoundFiles extends LeftFiles {
  readonly files: StorePath[];
  readonly playlists: Map<StorePath, string>;
}

function raise(
  lives: Map<StorePath, EarlierLife>,
  stream: StorePath,
  { next, discontinuityNumber }: EarlierLife,
): void {
  const known = lives.get(stream);
  lives.set(stream, {
    next: Math.max(next, known?.next ?? 0),
    discontinuityNumber: Math.max(discontinuityNumber, known?.discontinuityNumber ?? 0),
  });
}

/** Of a media playlist as this program writes them. */
function discontinuitiesOf(playlist: string): number {
  const sequence = /^#EXT-X-DISCONTINUITY-SEQUENCE:(\d{1,15})$/m.exec(playlist)?.[1] ?? '0';
  return Number(sequence) + (playlist.match(/^#EXT-X-DISCONTINUITY$/gm)?.length ?? 0);
}
