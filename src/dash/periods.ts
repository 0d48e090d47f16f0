// Decides where Periods begin: at discontinuities, and where a rendition lacks media, because a template cannot skip a number.
import type { Seconds } from '../protocols/units.js';
import type { DashRendition, DashSegment } from './source.js';

/** A rendition that is more than this many segments behind the newest is no longer waited for. */
const SEGMENTS_WAITED_FOR = 2;

export interface ListedPeriod {
  /** Media sequence number of its first segment, even if that is no longer listed. Identifies the Period. */
  readonly first: number;
  readonly discontinuityNumber: number;
  /** Start of that segment on the media timeline. */
  readonly mediaStart: Seconds;
  /** The listed segments of this Period by rendition; renditions that lack media here are not included. */
  readonly segments: ReadonlyMap<DashRendition, readonly DashSegment[]>;
}

/** The segments of all renditions with one media sequence number. */
interface Column {
  readonly number: number;
  readonly discontinuityNumber: number;
  readonly cells: ReadonlyMap<DashRendition, DashSegment>;
}

/**
 * Pure. Divides the listed segments into Periods. Within a Period, every rendition has one init segment and no gap. A sequence number is
 * listed as soon as every active rendition has that segment or is too far behind. A Period is identified by its first segment, even if that
 * is no longer listed, because players treat a changed id or start as another Period.
 */
export function cutIntoPeriods(renditions: readonly DashRendition[], ended: boolean): readonly ListedPeriod[] {
  const runs: Column[][] = [];
  let states = new Map<DashRendition, string>();
  for (const column of columns(renditions, ended)) {
    const before = runs.at(-1);
    const broken = [...column.cells].some(
      ([rendition, cell]) => (states.get(rendition) ?? state(cell)) !== state(cell),
    );
    const continues = before?.at(-1)?.number === column.number - 1;
    if (!broken && continues && before?.at(-1)?.discontinuityNumber === column.discontinuityNumber) before.push(column);
    else {
      runs.push([column]);
      states = new Map();
    }
    for (const [rendition, cell] of column.cells) states.set(rendition, state(cell));
  }
  return runs.map((run, index) => toPeriod(run, renditions, runs[index - 1]?.at(-1)?.number));
}

function columns(renditions: readonly DashRendition[], ended: boolean): readonly Column[] {
  const newest = Math.max(...renditions.map(lastNumber));
  const awaited = renditions.filter(
    (rendition) => rendition.active && newest - lastNumber(rendition) < SEGMENTS_WAITED_FOR,
  );
  const last = ended ? newest : Math.min(newest, ...awaited.map(lastNumber));
  const found = new Map<number, Map<DashRendition, DashSegment>>();
  for (const rendition of renditions) {
    for (const segment of rendition.segments) {
      if (segment.mediaSequence > last) break;
      const cells = found.get(segment.mediaSequence) ?? new Map<DashRendition, DashSegment>();
      found.set(segment.mediaSequence, cells.set(rendition, segment));
    }
  }
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([number, cells]) => {
      const [any] = cells.values();
      return { number, cells, discontinuityNumber: any?.discontinuityNumber ?? 0 };
    });
}

const lastNumber = ({ segments }: DashRendition): number => segments.at(-1)?.mediaSequence ?? Number.NEGATIVE_INFINITY;

const state = (segment: DashSegment): string => (segment.gap ? '' : segment.init.uri);

function toPeriod(
  run: readonly Column[],
  renditions: readonly DashRendition[],
  lastBefore: number | undefined,
): ListedPeriod {
  const [head] = run;
  const number = head?.number ?? 0;
  const discontinuityNumber = head?.discontinuityNumber ?? 0;
  const segments = new Map<DashRendition, DashSegment[]>();
  for (const rendition of renditions) {
    const cells = run.flatMap(({ cells }) => cells.get(rendition) ?? []);
    if (cells.length > 0 && cells[0]?.gap === false) segments.set(rendition, cells);
  }
  // The rendition that changed last determines the start of the Period.
  const starts = head === undefined ? [] : [...head.cells.values()].map(({ run }) => run);
  const [latest] = starts.sort((a, b) => b.mediaSequence - a.mediaSequence);
  const isListedBefore = latest !== undefined && latest.mediaSequence <= (lastBefore ?? -1);
  const [lead] = head === undefined ? [] : [...head.cells.values()].filter(({ gap }) => !gap);
  const begun = isListedBefore ? undefined : latest;
  return {
    first: begun?.mediaSequence ?? number,
    mediaStart: begun?.start ?? lead?.start ?? 0,
    discontinuityNumber,
    segments,
  };
}
