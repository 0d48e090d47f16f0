// Applies a Playlist Delta Update as a client does (RFC 8216bis 6.3.7), on lines of text, so that tests can compare bytes.

interface Chunk {
  /** The last EXT-X-MAP before this segment. */
  readonly map: string;
  /** All other tags, and the URI last. */
  readonly lines: readonly string[];
}

interface Dissected {
  readonly header: readonly string[];
  readonly mediaSequence: number;
  readonly skipped: number | undefined;
  readonly segments: readonly Chunk[];
  /** EXT-X-MAP before the parts of the open segment, if it changes there. */
  readonly trailer: readonly string[];
}

const HEADER =
  /^#(EXTM3U$|EXT-X-(VERSION|TARGETDURATION|PLAYLIST-TYPE|I-FRAMES-ONLY|SERVER-CONTROL|PART-INF|MEDIA-SEQUENCE|DISCONTINUITY-SEQUENCE)(:|$))/;

function dissect(playlist: string): Dissected {
  const header: string[] = [];
  const segments: Chunk[] = [];
  let lines: string[] = [];
  let map = '';
  let skipped: number | undefined;
  for (const line of playlist.slice(0, -1).split('\n')) {
    const skip = /^#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)$/.exec(line);
    if (skip !== null) {
      if (skipped !== undefined || segments.length + lines.length > 0) throw new Error('EXT-X-SKIP once, first');
      skipped = Number(skip[1]);
    } else if (HEADER.test(line)) header.push(line);
    else if (line.startsWith('#EXT-X-MAP:')) map = line;
    else {
      lines.push(line);
      if (line.startsWith('#')) continue;
      segments.push({ map, lines });
      lines = [];
    }
  }
  const last = segments.at(-1)?.map;
  const mediaSequence = Number(header.find((line) => line.startsWith('#EXT-X-MEDIA-SEQUENCE:'))?.slice(22));
  const trailer = last === map ? lines : insertMap(map, lines);
  return { header, mediaSequence, skipped, segments, trailer };
}

function insertMap(map: string, [first = '', ...others]: readonly string[]): string[] {
  return first === '#EXT-X-DISCONTINUITY' ? [first, map, ...others] : [map, first, ...others];
}

/**
 * @param previous a full playlist that the client has
 * @returns the full playlist that the update replaces
 * @throws if segments of it are in neither
 */
export function mergeDelta(previous: string, update: string): string {
  const delta = dissect(update);
  if (delta.skipped === undefined) return update;
  if (delta.skipped === 0) throw new Error('B3.10 SKIPPED-SEGMENTS=0');
  const known = dissect(previous);
  const skipped = Array.from({ length: delta.skipped }, (_, i): Chunk => {
    const chunk = known.segments[delta.mediaSequence + i - known.mediaSequence];
    if (chunk === undefined) throw new Error(`segment ${delta.mediaSequence + i} is in neither playlist`);
    // 6.2.1: part tags are removed three target durations from the end, even those of skipped segments.
    return { map: chunk.map, lines: chunk.lines.filter((line) => !line.startsWith('#EXT-X-PART:')) };
  });
  const segments = [...skipped, ...delta.segments];
  const lines: string[] = [];
  let map: string | undefined;
  for (const chunk of segments) {
    lines.push(...(chunk.map === map ? chunk.lines : insertMap(chunk.map, chunk.lines)));
    map = chunk.map;
  }
  lines.push(...delta.trailer);
  const version = delta.header.includes('#EXT-X-I-FRAMES-ONLY') ? 5 : 6;
  const header = delta.header.map((line) => (line === '#EXT-X-VERSION:9' ? `#EXT-X-VERSION:${version}` : line));
  return `${[...header, ...lines].join('\n')}\n`;
}
