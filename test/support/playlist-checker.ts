// Checks all versions of a playlist against the rules of RFC 8216bis: each version alone, and the changes from one to the next.
import { mergeDelta } from './delta-update.js';
import { requireAgreement } from './playlist-parsers.js';

/** A media playlist as parsed by a strict reader, which was written from the RFC and not from our renderer. */
export interface ParsedPlaylist {
  readonly version: number;
  readonly targetDuration: number;
  readonly playlistType: string | undefined;
  readonly iFramesOnly: boolean;
  /** EXT-X-SKIP: number of segments skipped before `segments`. */
  readonly skippedSegments: number | undefined;
  readonly serverControl: ReadonlyMap<string, string> | undefined;
  readonly partTarget: number | undefined;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly segments: readonly ParsedSegment[];
  readonly openParts: readonly ParsedPart[];
  /** EXT-X-PRELOAD-HINT:TYPE=PART */
  readonly preloadHint: string | undefined;
  /** EXT-X-PRELOAD-HINT:TYPE=MAP */
  readonly mapHint: string | undefined;
  /** The last EXT-X-MAP in the playlist. */
  readonly lastMap: string | undefined;
  readonly reports: readonly ReadonlyMap<string, string>[];
  readonly ended: boolean;
}

export interface ParsedSegment {
  readonly mediaSequence: number;
  readonly uri: string;
  readonly duration: number;
  readonly map: string | undefined;
  readonly discontinuity: boolean;
  readonly discontinuityNumber: number;
  /** Milliseconds since 1970. */
  readonly programDateTime: number | undefined;
  readonly gap: boolean;
  readonly byteRange: { readonly length: number; readonly offset: number } | undefined;
  readonly parts: readonly ParsedPart[];
}

export interface ParsedPart {
  readonly uri: string;
  readonly duration: number;
  readonly independent: boolean;
  readonly gap: boolean;
}

/** RFC 8216bis 4.2. */
const DECIMAL = /^\d+(\.\d+)?$/;
const INTEGER = /^\d{1,20}$/;

/** @throws on everything that a media playlist must not contain (B1.14, B1.17) */
export function parsePlaylist(text: string): ParsedPlaylist {
  assert(!text.startsWith('\uFEFF') && !text.includes('\r'), 'B1.17 no BOM, LF only');
  assert(text.normalize('NFC') === text && !hasControlCharacters(text), 'B1.17 NFC without control characters');
  assert(!/[ \t]|\n\n/.test(text), 'no whitespace, and nothing where a line should be');
  assert(text.endsWith('\n'), 'ends with a line feed');
  const lines = text.slice(0, -1).split('\n');
  assert(lines[0] === '#EXTM3U', 'begins with EXTM3U');
  const once = new Map<string, string>();
  const segments: ParsedSegment[] = [];
  const reports: ReadonlyMap<string, string>[] = [];
  let parts: ParsedPart[] = [];
  let map: string | undefined;
  let programDateTime: number | undefined;
  let discontinuity = false;
  let gap = false;
  let duration: number | undefined;
  let byteRange: ParsedSegment['byteRange'];
  let skippedSegments: number | undefined;
  const hints = new Map<string, string>();
  let discontinuityNumber: number | undefined;
  const start = (): number => {
    discontinuityNumber ??= Number(once.get('EXT-X-DISCONTINUITY-SEQUENCE') ?? 0);
    return discontinuityNumber;
  };
  for (const line of lines.slice(1)) {
    const [tag = '', value = ''] = split(line);
    if (!line.startsWith('#')) {
      assert(duration !== undefined, `URI ${line} without EXTINF`);
      assert(map !== undefined, `segment ${line} without EXT-X-MAP`);
      segments.push({
        mediaSequence: Number(once.get('EXT-X-MEDIA-SEQUENCE') ?? 0) + (skippedSegments ?? 0) + segments.length,
        uri: line,
        duration,
        map,
        discontinuity,
        discontinuityNumber: start(),
        programDateTime,
        gap,
        byteRange,
        parts,
      });
      parts = [];
      byteRange = undefined;
      duration = undefined;
      discontinuity = false;
      gap = false;
      programDateTime = undefined;
      continue;
    }
    switch (tag) {
      case 'EXTINF': {
        assert(duration === undefined, 'one EXTINF a segment');
        const match = /^(\d+\.\d{3,}),$/.exec(value);
        assert(match !== null, `EXTINF with three decimals or more, got ${value}`);
        duration = Number(match?.[1]);
        break;
      }
      case 'EXT-X-DISCONTINUITY':
        assert(!discontinuity && parts.length === 0, 'DISCONTINUITY once, before the parts');
        discontinuity = true;
        discontinuityNumber = start() + 1;
        break;
      case 'EXT-X-GAP':
        gap = true;
        break;
      case 'EXT-X-MAP': {
        const uri = attributes(value).get('URI');
        assert(parts.length === 0, 'MAP before the parts');
        // If an encoder starts late in a period, the gaps before its media list the MAP that was known then.
        assert(
          map === undefined || discontinuity || segments.at(-1)?.gap === true,
          'a new MAP only after DISCONTINUITY',
        );
        map = uri;
        break;
      }
      case 'EXT-X-PROGRAM-DATE-TIME':
        assert(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value), `PDT with ms and Z, got ${value}`);
        assert(programDateTime === undefined && parts.length === 0, 'one PDT a segment, before the parts');
        programDateTime = Date.parse(value);
        break;
      case 'EXT-X-PART': {
        const part = attributes(value);
        assert(DECIMAL.test(part.get('DURATION') ?? ''), `DURATION of a part, got ${value}`);
        assert(map !== undefined && once.has('EXT-X-PART-INF'), `PART-INF and MAP before parts, got ${value}`);
        parts.push({
          uri: part.get('URI') ?? '',
          duration: Number(part.get('DURATION')),
          independent: part.get('INDEPENDENT') === 'YES',
          gap: part.get('GAP') === 'YES',
        });
        break;
      }
      case 'EXT-X-BYTERANGE': {
        const match = /^(\d+)@(\d+)$/.exec(value);
        assert(match !== null && byteRange === undefined, `one BYTERANGE with its offset, got ${value}`);
        byteRange = { length: Number(match?.[1]), offset: Number(match?.[2]) };
        break;
      }
      case 'EXT-X-SKIP': {
        skippedSegments = Number(attributes(value).get('SKIPPED-SEGMENTS'));
        assert(Number.isSafeInteger(skippedSegments) && skippedSegments > 0, `B3.10 SKIPPED-SEGMENTS, got ${value}`);
        assert(once.get('EXT-X-VERSION') === '9', 'B3.10 B1.15 EXT-X-SKIP needs version 9');
        assert(segments.length + parts.length === 0, 'B3.10 EXT-X-SKIP before the segments');
        break;
      }
      case 'EXT-X-PRELOAD-HINT': {
        const hint = attributes(value);
        const type = hint.get('TYPE') ?? '';
        assert(['PART', 'MAP'].includes(type) && !hints.has(type), `B3.12 one hint of a type, got ${value}`);
        hints.set(type, hint.get('URI') ?? '');
        break;
      }
      case 'EXT-X-RENDITION-REPORT': {
        const report = attributes(value);
        const uri = report.get('URI') ?? '';
        assert(uri !== '' && !/^\/|:/.test(uri), `B3.13 the URI of a report is relative, got ${value}`);
        assert(!reports.some((other) => other.get('URI') === uri), `B3.13 one report of ${uri}`);
        const lastPart = report.get('LAST-PART');
        assert(INTEGER.test(report.get('LAST-MSN') ?? ''), `B3.13 LAST-MSN, got ${value}`);
        // Playlists of I-frames have no parts.
        assert(uri.endsWith('/iframes.m3u8') ? lastPart === undefined : INTEGER.test(lastPart ?? ''), `B3.13 ${value}`);
        reports.push(report);
        break;
      }
      case 'EXT-X-INDEPENDENT-SEGMENTS':
        assert(false, 'B1.13 INDEPENDENT-SEGMENTS is said in the multivariant playlist, for all (4.4.2.1)');
        break;
      case 'EXT-X-START':
        assert(/^TIME-OFFSET=\d+\.\d+,PRECISE=YES$/.test(value), `EXT-X-START (4.4.2.2), got ${value}`);
        assert(!once.has(tag) && segments.length === 0, `${tag} once, before the first segment`);
        once.set(tag, value);
        break;
      case 'EXT-X-VERSION':
      case 'EXT-X-TARGETDURATION':
      case 'EXT-X-PLAYLIST-TYPE':
      case 'EXT-X-I-FRAMES-ONLY':
      case 'EXT-X-SERVER-CONTROL':
      case 'EXT-X-PART-INF':
      case 'EXT-X-MEDIA-SEQUENCE':
      case 'EXT-X-DISCONTINUITY-SEQUENCE':
      case 'EXT-X-ENDLIST':
        assert(!once.has(tag), `${tag} once`);
        assert(tag === 'EXT-X-ENDLIST' || segments.length + parts.length === 0, `${tag} before the first segment`);
        once.set(tag, value);
        break;
      default:
        assert(false, `a tag that is not expected: ${line}`);
    }
  }
  assert(duration === undefined, 'a URI for each EXTINF');
  const control = once.get('EXT-X-SERVER-CONTROL');
  const partInf = once.get('EXT-X-PART-INF');
  return {
    version: Number(once.get('EXT-X-VERSION')),
    targetDuration: Number(once.get('EXT-X-TARGETDURATION')),
    playlistType: once.get('EXT-X-PLAYLIST-TYPE'),
    iFramesOnly: once.has('EXT-X-I-FRAMES-ONLY'),
    skippedSegments,
    serverControl: control === undefined ? undefined : attributes(control),
    partTarget: partInf === undefined ? undefined : Number(attributes(partInf).get('PART-TARGET')),
    mediaSequence: Number(once.get('EXT-X-MEDIA-SEQUENCE')),
    discontinuitySequence: Number(once.get('EXT-X-DISCONTINUITY-SEQUENCE')),
    segments,
    openParts: parts,
    preloadHint: hints.get('PART'),
    mapHint: hints.get('MAP'),
    lastMap: map,
    reports,
    ended: once.has('EXT-X-ENDLIST'),
  };
}

export interface CheckerOptions {
  /** Seconds; tolerance of dates and boundaries. */
  readonly frame: number;
  /** Number of complete segments that must stay listed once there have been so many. Default 6. */
  readonly windowSegments?: number;
  /** Whether the source breaks the rules: segments may begin without a key frame, or be missing. */
  readonly tolerant?: boolean;
  /** Whether GOPs vary in length, so that the end of a segment cannot be predicted and a hinted part may never come. */
  readonly irregular?: boolean;
}

/** Records every version of every media playlist that it gets, and throws at the first that breaks a rule. */
export class PlaylistChecker {
  readonly #options: CheckerOptions;
  readonly #histories = new Map<string, History>();

  constructor(options: CheckerOptions) {
    this.#options = options;
  }

  /** Names of all recorded renditions. */
  get renditions(): readonly string[] {
    return [...this.#histories.keys()];
  }

  /** Number of recorded versions of a rendition. */
  versions(rendition: string): number {
    return this.#histories.get(rendition)?.versions ?? 0;
  }

  /** Everything that a rendition has ever listed, by media sequence number. */
  segments(rendition: string): ReadonlyMap<number, ParsedSegment> {
    return this.#histories.get(rendition)?.segments ?? new Map();
  }

  /** Call when FFmpeg has died: a hinted part may never come. */
  expectBrokenHint(): void {
    for (const history of this.#histories.values()) history.hintMayBreak = true;
  }

  /** Call with each body a player received; identical bodies count once. */
  add(rendition: string, text: string): ParsedPlaylist {
    let history = this.#histories.get(rendition);
    if (history === undefined) {
      history = new History(rendition, this.#options);
      this.#histories.set(rendition, history);
    }
    return history.add(text);
  }

  /** Call with the Playlist Delta Update for the version added last: applied to a recent version, it must result in the newest one. */
  addDelta(rendition: string, update: string): ParsedPlaylist {
    const history = this.#histories.get(rendition);
    if (history === undefined) throw new Error(`no playlist of ${rendition} was added`);
    return history.checkDelta(update);
  }

  /** RFC 8216bis 6.2.4: EXT-X-SERVER-CONTROL is the same in every playlist of a presentation (B3.03). */
  checkSameControl(others: PlaylistChecker): void {
    const [control] = this.#histories.values();
    for (const { last, rendition } of others.#histories.values()) {
      if (control?.last === undefined || last === undefined) continue;
      assert(text(control.last.serverControl) === text(last.serverControl), `B3.03 SERVER-CONTROL of ${rendition}`);
    }
  }

  /** Checks what must be equal in all renditions (B1.02, B1.11, B2.04, B3.03). May be called several times. */
  checkAlignment(): void {
    const [first, ...others] = [...this.#histories.values()];
    if (first?.last === undefined) return;
    for (const other of others) {
      const [a, b] = [first.last, other.last];
      if (a === undefined || b === undefined) continue;
      const names = `${first.rendition} and ${other.rendition}`;
      assert(a.targetDuration === b.targetDuration, `B2.04 TARGETDURATION of ${names}`);
      const withParts = !a.iFramesOnly && !b.iFramesOnly;
      assert(!withParts || a.partTarget === b.partTarget, `B3.03 PART-TARGET of ${names}`);
      assert(text(a.serverControl) === text(b.serverControl), `B3.03 SERVER-CONTROL of ${names}`);
      const oldest = [first, other].map((history) => Math.min(...history.segments.keys()));
      const newest = [first, other].map((history) => Math.max(...history.segments.keys()));
      for (const [msn, segment] of first.segments) {
        const twin = other.segments.get(msn);
        if (twin === undefined) continue;
        const where = `segment ${msn} of ${names}`;
        assert(segment.discontinuityNumber === twin.discontinuityNumber, `B2.04 discontinuity number of ${where}`);
        if (segment.programDateTime === undefined || twin.programDateTime === undefined) continue;
        const apart = Math.abs(segment.programDateTime - twin.programDateTime) / 1000;
        const firstOfEither = oldest.includes(msn);
        if (!firstOfEither) assert(apart <= this.#options.frame + 0.002, `B1.12 B2.04 ${where} begin ${apart} s apart`);
        const last =
          newest.includes(msn) || segment.discontinuityNumber !== first.segments.get(msn + 1)?.discontinuityNumber;
        const ends = Math.abs(apart + segment.duration - twin.duration);
        if (!last && !firstOfEither && this.#options.tolerant !== true) {
          assert(ends <= 2 * this.#options.frame + 0.002, `B2.04 ${where} last ${ends} s longer or shorter`);
        }
      }
    }
  }
}

/** Checks the rules between the versions of one playlist. */
class History {
  readonly rendition: string;
  readonly segments = new Map<number, ParsedSegment>();
  readonly #parts = new Map<string, ParsedPart>();
  /** Media sequence numbers by URI. */
  readonly #owners = new Map<string, number>();
  readonly #options: CheckerOptions;
  last: ParsedPlaylist | undefined;
  versions = 0;
  hintMayBreak = false;
  #text: string | undefined;
  #lastDelta: { readonly text: string; readonly parsed: ParsedPlaylist } | undefined;
  /** Versions that a client may still have when it requests a delta update, with the end of each. */
  #recent: { readonly text: string; readonly end: number }[] = [];

  constructor(rendition: string, options: CheckerOptions) {
    this.rendition = rendition;
    this.#options = options;
  }

  add(body: string): ParsedPlaylist {
    if (body === this.#text && this.last !== undefined) return this.last;
    const playlist = parsePlaylist(body);
    requireAgreement(body, playlist);
    const check = (ok: boolean, what: string): void => assert(ok, `${what} in ${this.rendition}:\n${body}`);
    const { last } = this;
    check(last?.ended !== true, 'B1.10 a new version after ENDLIST');
    this.#checkHeader(playlist, check);
    if (last !== undefined) this.#checkAgainst(last, playlist, check);
    this.#checkSegments(playlist, check);
    this.#checkParts(playlist, check);
    this.last = playlist;
    this.#text = body;
    this.versions += 1;
    const open = playlist.openParts.reduce((sum, { duration }) => sum + duration, 0);
    const newest = playlist.segments.at(-1);
    const end = (newest?.programDateTime ?? 0) / 1000 + (newest?.duration ?? 0) + open;
    // RFC 8216bis 6.3.7: a client's playlist is no older than half the Skip Boundary.
    const halfBoundary = Number(playlist.serverControl?.get('CAN-SKIP-UNTIL') ?? 0) / 2;
    this.#recent = [...this.#recent.filter((recent) => end - recent.end <= halfBoundary), { text: body, end }];
    return playlist;
  }

  checkDelta(update: string): ParsedPlaylist {
    if (update === this.#text && this.last !== undefined) return this.last;
    if (update === this.#lastDelta?.text) return this.#lastDelta.parsed;
    const parsed = parsePlaylist(update);
    this.#lastDelta = { text: update, parsed };
    const check = (ok: boolean, what: string): void => assert(ok, `${what} in ${this.rendition}:\n${update}`);
    const canSkipUntil = this.last?.serverControl?.get('CAN-SKIP-UNTIL');
    check(canSkipUntil !== undefined, 'B3.10 a delta update that is not advertised');
    check(!parsed.ended, 'B3.10 a delta update after the end');
    const skipped = parsed.skippedSegments ?? 0;
    check(skipped > 0, 'B3.10 nothing to skip: the full playlist');
    const full = this.last?.segments ?? [];
    const until = full.slice(skipped).reduce((sum, { duration }) => sum + duration, 0);
    check(until >= Number(canSkipUntil) - 1e-3, 'B3.10 segments after the Skip Boundary are all there');
    check(parsed.segments[0]?.map === full[skipped]?.map, 'B3.10 MAP of the first segment');
    for (const { text: body } of this.#recent) {
      check(mergeDelta(body, update) === this.#text, `B3.10 merges to the full playlist with\n${body}`);
    }
    return parsed;
  }

  #checkHeader(playlist: ParsedPlaylist, check: Check): void {
    // Section 8: EXT-X-MAP needs version 6, in an I-frame playlist 5; no other tag here needs a version.
    check(playlist.version === (playlist.iFramesOnly ? 5 : 6), 'B1.15 EXT-X-VERSION minimal');
    check(Number.isSafeInteger(playlist.mediaSequence) && playlist.mediaSequence >= 1, 'B1.03 MEDIA-SEQUENCE >= 1');
    check(Number.isSafeInteger(playlist.discontinuitySequence), 'B1.04 DISCONTINUITY-SEQUENCE present');
    const { partTarget = 0, serverControl, targetDuration, iFramesOnly } = playlist;
    check(playlist.playlistType === undefined || playlist.playlistType === 'EVENT', 'B1.10 PLAYLIST-TYPE');
    check(!iFramesOnly || playlist.partTarget === undefined, 'no parts among I-frames (4.4.4.9)');
    if (serverControl === undefined) return;
    check(serverControl?.get('CAN-BLOCK-RELOAD') === 'YES', 'CAN-BLOCK-RELOAD');
    check(Number(serverControl?.get('PART-HOLD-BACK')) >= 3 * partTarget - 1e-5, 'B3.03 PART-HOLD-BACK');
    check(Number(serverControl?.get('HOLD-BACK')) >= 3 * targetDuration, 'B3.03 HOLD-BACK');
    const canSkipUntil = serverControl?.get('CAN-SKIP-UNTIL');
    check(canSkipUntil === undefined || Number(canSkipUntil) >= 6 * targetDuration, 'B3.10 CAN-SKIP-UNTIL >= 6 TD');
    check(this.last === undefined || text(this.last.serverControl) === text(serverControl), 'B3.03 constant for life');
  }

  #checkAgainst(last: ParsedPlaylist, playlist: ParsedPlaylist, check: Check): void {
    check(playlist.targetDuration === last.targetDuration, 'B1.02 TARGETDURATION constant');
    check(playlist.partTarget === last.partTarget, 'B3.01 PART-TARGET constant');
    check(text(playlist.serverControl) === text(last.serverControl), 'B3.03 SERVER-CONTROL constant');
    check(playlist.playlistType === last.playlistType, 'B1.06 PLAYLIST-TYPE constant');
    check(playlist.iFramesOnly === last.iFramesOnly, 'B1.06 I-FRAMES-ONLY constant');
    check(playlist.mediaSequence >= last.mediaSequence, 'B1.03 MEDIA-SEQUENCE never falls');
    check(
      playlist.playlistType !== 'EVENT' || playlist.mediaSequence === last.mediaSequence,
      'B1.10 nothing is removed from EVENT',
    );
    check(firstWithParts(playlist) >= firstWithParts(last), 'B3.14 part tags go in their order');
    const removed = last.segments.slice(0, playlist.mediaSequence - last.mediaSequence);
    const discontinuities = removed.filter(({ discontinuity }) => discontinuity).length;
    check(
      playlist.discontinuitySequence === last.discontinuitySequence + discontinuities,
      'B1.04 DISCONTINUITY-SEQUENCE grows with removed DISCONTINUITY tags only',
    );
    this.#checkOpenSegment(last, playlist, check);
    const end = (of: ParsedPlaylist): number => of.mediaSequence + of.segments.length;
    check(end(playlist) >= end(last), 'B1.06 segments only leave at the head');
    const listed = Math.min(last.segments.length, this.#options.windowSegments ?? 6);
    check(playlist.segments.length >= listed, 'B1.07 the window does not shrink');
    const total = playlist.segments.reduce((sum, { duration }) => sum + duration, 0);
    if (removed.length > 0) check(total >= 3 * playlist.targetDuration - 1e-3, 'B1.07 window >= 3 TD');
    if (last.preloadHint !== undefined && playlist.segments.length + playlist.openParts.length > 0) {
      const known = new Set(
        [...playlist.segments.flatMap(({ parts }) => parts), ...playlist.openParts].map((p) => p.uri),
      );
      // A hinted part does not come if its segment turns out to be a gap.
      const lost = playlist.segments.some(({ gap, mediaSequence }) => gap && mediaSequence >= end(last));
      const isOther = playlist.preloadHint !== undefined && playlist.preloadHint !== last.preloadHint;
      // A version that is read late no longer has the tags of parts that were added meanwhile (B3.14).
      const since = [
        ...playlist.segments.filter(({ mediaSequence }) => mediaSequence >= end(last)),
        ...playlist.openParts,
      ];
      const late = since.reduce((sum, { duration }) => sum + duration, 0) > 3 * playlist.targetDuration;
      const fresh = isOther && !playlist.ended && !this.hintMayBreak && !lost && !late;
      if (playlist.preloadHint !== last.preloadHint) this.hintMayBreak = false;
      if (fresh && this.#options.irregular !== true)
        check(known.has(last.preloadHint), `B3.12 hinted ${last.preloadHint} is listed later`);
    }
  }

  /** B1.06: listed parts of the open segment never change, nor their order, even when the segment is complete. */
  #checkOpenSegment(last: ParsedPlaylist, playlist: ParsedPlaylist, check: Check): void {
    const open = last.mediaSequence + last.segments.length;
    const at = open - playlist.mediaSequence;
    const complete = playlist.segments[at];
    const now = at === playlist.segments.length ? playlist.openParts : complete?.parts;
    if (now === undefined || (complete !== undefined && now.length === 0)) return;
    const kept = last.openParts.every(({ uri, gap }, i) => now[i]?.uri === uri && now[i]?.gap === gap);
    check(kept, `B1.06 parts of the open segment ${open} stay`);
  }

  #checkSegments(playlist: ParsedPlaylist, check: Check): void {
    const frame = this.#options.frame;
    let previous: ParsedSegment | undefined;
    for (const segment of playlist.segments) {
      const { duration, mediaSequence } = segment;
      check(Math.round(duration) <= playlist.targetDuration, `B1.01 EXTINF ${duration} of ${mediaSequence}`);
      check(duration <= playlist.targetDuration + 0.5, `B1.01 segment ${mediaSequence} <= TD + 0.5`);
      check(segment.programDateTime !== undefined, `B1.12 PDT of ${mediaSequence}`);
      if (previous !== undefined && !segment.discontinuity) {
        const step = ((segment.programDateTime ?? 0) - (previous.programDateTime ?? 0)) / 1000;
        check(Math.abs(step - previous.duration) < frame + 0.002, `B1.12 PDT of ${mediaSequence} follows EXTINF`);
        check(segment.map === previous.map || previous.gap, `B1.14 MAP of ${mediaSequence}`);
      }
      if (previous !== undefined) {
        check((segment.programDateTime ?? 0) > (previous.programDateTime ?? 0), `B1.12 PDT of ${mediaSequence} rises`);
        // 6.2.1: two segments may overlap by less than a second, also across a discontinuity.
        const overlap = previous.duration - ((segment.programDateTime ?? 0) - (previous.programDateTime ?? 0)) / 1000;
        check(overlap < Math.min(1, segment.duration), `B1.12 PDT of ${mediaSequence} is ambiguous for ${overlap} s`);
      }
      if (playlist.iFramesOnly) {
        check(segment.gap === (segment.byteRange === undefined), `B1.16 I-frame of ${mediaSequence} has its range`);
      }
      const known = this.segments.get(mediaSequence);
      const owner = this.#owners.get(segment.uri);
      check(owner === undefined || owner === mediaSequence, `B1.05 ${segment.uri} names one segment`);
      this.#owners.set(segment.uri, mediaSequence);
      if (known !== undefined) {
        const same =
          known.uri === segment.uri &&
          known.duration === segment.duration &&
          known.discontinuityNumber === segment.discontinuityNumber &&
          known.programDateTime === segment.programDateTime &&
          known.map === segment.map &&
          known.gap === segment.gap;
        check(same, `B1.05 segment ${mediaSequence} stays what it was`);
        // The part tags of a segment may be removed, all at once. Nothing may be added.
        check(
          segment.parts.length === 0 || segment.parts.length === known.parts.length,
          `B1.06 parts of ${mediaSequence}`,
        );
        check(segment.parts.length <= known.parts.length, `B1.06 no part is added to ${mediaSequence}`);
        if (segment.parts.length === 0 && known.parts.length > 0) this.segments.set(mediaSequence, segment);
      } else {
        this.segments.set(mediaSequence, segment);
      }
      previous = segment;
    }
  }

  #checkParts(playlist: ParsedPlaylist, check: Check): void {
    const { partTarget, targetDuration } = playlist;
    if (partTarget === undefined) return;
    const total =
      playlist.segments.reduce((sum, { duration }) => sum + duration, 0) +
      playlist.openParts.reduce((sum, { duration }) => sum + duration, 0);
    let at = 0;
    for (const segment of [...playlist.segments, undefined]) {
      const parts = segment?.parts ?? playlist.openParts;
      const [first] = parts;
      if (this.#options.irregular !== true && this.#options.tolerant !== true) {
        check(first === undefined || first.independent || first.gap, `B1.13 ${first?.uri} begins a segment`);
      }
      for (const [index, part] of parts.entries()) {
        check(part.duration <= partTarget, `B3.01 part ${part.uri} <= PART-TARGET`);
        const lastOfParent = segment !== undefined && index === parts.length - 1;
        const newest = segment === undefined && index === parts.length - 1;
        // Only the four exceptions of 4.4.4.9.
        const exempt = part.independent || part.gap || lastOfParent || parts[index + 1]?.gap === true;
        check(!part.gap || segment?.gap === true, `B1.16 ${part.uri} is a gap in a segment that is none`);
        // The newest part of an open segment may turn out to be its last.
        if (!exempt && !newest && this.#options.tolerant !== true) {
          check(part.duration >= 0.85 * partTarget, `B3.01 part ${part.uri} >= 85 %`);
        }
        const known = this.#parts.get(part.uri);
        if (known === undefined) this.#parts.set(part.uri, part);
        else
          check(
            known.duration === part.duration && known.independent === part.independent && known.gap === part.gap,
            `B1.05 part ${part.uri}`,
          );
      }
      const duration = segment?.duration ?? 0;
      if (parts.length > 0 && segment !== undefined) {
        check(total - at <= 3 * targetDuration + 1e-3, `B3.14 parts of ${segment.uri} are younger than 3 TD`);
        const sum = parts.reduce((length, part) => length + part.duration, 0);
        if (this.#options.tolerant !== true) {
          check(Math.abs(sum - duration) < this.#options.frame, `B3.02 parts of ${segment.uri} add up`);
        }
      }
      at += duration;
    }
    const hintedMap = playlist.mapHint;
    check(hintedMap === undefined || hintedMap !== playlist.lastMap, 'B3.12 a hinted MAP is another one');
    check(hintedMap === undefined || !playlist.ended, 'B3.12 no hint with ENDLIST');
    const hinted = playlist.preloadHint !== undefined;
    // While the publisher is away, it is unknown whether the part will come.
    const mayRest = !hinted && playlist.openParts.length === 0;
    check(mayRest || hinted !== playlist.ended, 'B3.12 a hint until the end, none with ENDLIST');
    if (hinted) check(!this.#parts.has(playlist.preloadHint ?? ''), 'B3.12 the hinted part is not there yet');
  }
}

type Check = (ok: boolean, what: string) => void;

/** Media sequence number of the first segment that lists its parts; of the open one if no other does. */
function firstWithParts({ segments, mediaSequence }: ParsedPlaylist): number {
  return segments.find(({ parts }) => parts.length > 0)?.mediaSequence ?? mediaSequence + segments.length;
}

function text(map: ReadonlyMap<string, string> | undefined): string {
  return JSON.stringify([...(map ?? [])]);
}

function split(line: string): [string, string] {
  const colon = line.indexOf(':');
  return colon === -1 ? [line.slice(1), ''] : [line.slice(1, colon), line.slice(colon + 1)];
}

/** Attribute lists, RFC 8216bis 4.2. */
export function attributes(list: string): Map<string, string> {
  const found = new Map<string, string>();
  let consumed = 0;
  for (const match of list.matchAll(/([A-Z0-9-]+)=("[^"\n]*"|[^",]*)(,|$)/g)) {
    assert(match.index === consumed, `attribute list ${list}`);
    consumed += match[0].length;
    assert(!found.has(match[1] ?? ''), `attribute ${match[1]} once`);
    found.set(match[1] ?? '', (match[2] ?? '').replace(/^"|"$/g, ''));
  }
  assert(consumed === list.length, `attribute list ${list}`);
  return found;
}

function hasControlCharacters(value: string): boolean {
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i);
    if ((code < 0x20 && code !== 0x0a) || (code >= 0x7f && code <= 0x9f)) return true;
  }
  return false;
}

function assert(ok: boolean, what: string): asserts ok {
  if (!ok) throw new Error(`playlist: ${what}`);
}
