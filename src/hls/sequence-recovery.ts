// Media sequence numbers are never used twice for a name, whatever died in between: a file name reused behind a CDN is a corrupted stream.

import type { Clock } from '../protocols/clock.js';
import type { Milliseconds } from '../protocols/units.js';
import { TEMPORARY_SUFFIX } from './disk-store.js';
import { I_FRAMES, PLAYLIST, parseMediaFileName } from './segment.js';
import type { SegmentStore, StorePath } from './segment-store.js';

/** 2024-01-01T00:00:00Z. A stream makes fewer than one segment a second, so numbers counted from here run ahead of any use. */
const EPOCH: Milliseconds = Date.UTC(2024, 0, 1);

/** Numbers that may have been used after the last one the disk knows: the disk is written behind. */
const RECOVERY_MARGIN = 100;

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

/**
 * Reads what an earlier process left in the store, and removes it: nobody lists those segments any more. Only files this
 * program makes are touched.
 */
export async function recoverSequences(store: SegmentStore): Promise<RecoveredSequences> {
  const recovered = new Map<StorePath, EarlierLife>();
  const stale: StorePath[] = [];
  const directories = new Set<StorePath>();
  const raise = (stream: StorePath, next: number, discontinuityNumber: number): void => {
    const known = recovered.get(stream);
    recovered.set(stream, {
      next: Math.max(next, known?.next ?? 0),
      discontinuityNumber: Math.max(discontinuityNumber, known?.discontinuityNumber ?? 0),
    });
  };
  const playlists: StorePath[] = [];
  for (const path of await store.list('')) {
    const names = path.split('/');
    const file = names.at(-1) ?? '';
    const media = parseMediaFileName(file.replace(/\.\d+-\d+\.tmp$/, ''));
    if (names.length >= 4 && media !== undefined) {
      raise(names.slice(0, -2).join('/'), media.mediaSequence + 1 + RECOVERY_MARGIN, 0);
    } else if (file === PLAYLIST || file === I_FRAMES) {
      playlists.push(path);
    } else if (!file.endsWith(TEMPORARY_SUFFIX)) {
      continue;
    }
    stale.push(path);
    for (let depth = names.length - 1; depth > 0; depth -= 1) directories.add(names.slice(0, depth).join('/'));
  }
  for (const path of playlists) {
    const stream = path.split('/').slice(0, -2).join('/');
    if (recovered.has(stream)) raise(stream, 0, discontinuitiesOf((await store.read(path))?.toString('utf8') ?? ''));
  }
  for (const path of stale) await store.remove(path);
  const deepestFirst = [...directories].sort((a, b) => b.length - a.length);
  for (const directory of deepestFirst) await store.removeDirectory(directory);
  return recovered;
}

/** Of a media playlist as this program writes them. */
function discontinuitiesOf(playlist: string): number {
  const sequence = /^#EXT-X-DISCONTINUITY-SEQUENCE:(\d{1,15})$/m.exec(playlist)?.[1] ?? '0';
  return Number(sequence) + (playlist.match(/^#EXT-X-DISCONTINUITY$/gm)?.length ?? 0);
}
