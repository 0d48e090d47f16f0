// A plain HLS reader: fetches playlists and media as a player would, so that tests see what a viewer sees.
import { setTimeout as delay } from 'node:timers/promises';
import { PATIENCE } from './patience.js';
import { PlaylistChecker } from './playlist-checker.js';

export interface PlaylistSegment {
  readonly uri: string;
  readonly duration: number;
  readonly sequence: number;
  readonly map: string | undefined;
  readonly discontinuity: boolean;
  readonly gap: boolean;
  readonly programDateTime: number | undefined;
}

export interface MediaPlaylist {
  readonly text: string;
  readonly targetDuration: number;
  readonly mediaSequence: number;
  readonly partTarget: number | undefined;
  readonly segments: readonly PlaylistSegment[];
  readonly ended: boolean;
}

/** Parses only what the tests need. playlist-checker.ts and independent parsers check the rules. */
export function parseMediaPlaylist(text: string): MediaPlaylist {
  const segments: PlaylistSegment[] = [];
  let mediaSequence = 0;
  let map: string | undefined;
  let duration = 0;
  let discontinuity = false;
  let gap = false;
  let programDateTime: number | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) mediaSequence = Number(line.slice(22));
    else if (line.startsWith('#EXT-X-MAP:')) map = /URI="([^"]+)"/.exec(line)?.[1];
    else if (line.startsWith('#EXTINF:')) duration = Number.parseFloat(line.slice(8));
    else if (line === '#EXT-X-DISCONTINUITY') discontinuity = true;
    else if (line === '#EXT-X-GAP') gap = true;
    else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) programDateTime = Date.parse(line.slice(25));
    else if (line !== '' && !line.startsWith('#')) {
      segments.push({
        uri: line,
        duration,
        sequence: mediaSequence + segments.length,
        map,
        discontinuity,
        gap,
        programDateTime,
      });
      discontinuity = false;
      gap = false;
      programDateTime = undefined;
    }
  }
  return {
    text,
    targetDuration: Number(/#EXT-X-TARGETDURATION:(\d+)/.exec(text)?.[1]),
    mediaSequence,
    partTarget:
      /PART-TARGET=([\d.]+)/.exec(text)?.[1] === undefined ? undefined : Number(/PART-TARGET=([\d.]+)/.exec(text)?.[1]),
    segments,
    ended: text.includes('#EXT-X-ENDLIST'),
  };
}

export async function fetchText(url: string): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) throw new Error(`GET ${url}: ${response.status} ${text.slice(0, 300)}`);
  return text;
}

/** Waits for the multivariant playlist of a stream that is about to be published. Until then the name is unknown and gives 404. */
export async function whenLive(base: string): Promise<string> {
  return eventually(async () => {
    const response = await fetch(`${base}/index.m3u8`);
    const text = await response.text();
    if (response.ok) return text;
    if (response.status !== 404) throw new Error(`GET ${base}/index.m3u8: ${response.status} ${text}`);
    return undefined;
  });
}

/** Waits until a rendition lists this many complete segments. The stream may not be live yet. */
export async function whenListed(base: string, rendition: string, segments: number): Promise<void> {
  await whenLive(base);
  await eventually(async () => {
    const playlist = parseMediaPlaylist(await fetchText(`${base}/${rendition}/index.m3u8`));
    return playlist.segments.length >= segments ? true : undefined;
  });
}

export async function fetchBytes(url: string): Promise<Buffer> {
  const response = await fetch(url);
  const bytes = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(`GET ${url}: ${response.status} ${bytes.toString().slice(0, 300)}`);
  return bytes;
}

/** All playlists and media that were served for a rendition, from the first playlist to ENDLIST. */
export interface RecordedRendition {
  readonly name: string;
  /** All versions that were served, in order. */
  readonly playlists: string[];
  readonly segments: Map<number, PlaylistSegment & { readonly bytes: Buffer }>;
  readonly inits: Map<string, Buffer>;
}

export interface RecordOptions {
  readonly signal?: AbortSignal;
  readonly onPlaylist?: (text: string) => void;
  /** Shared by the renditions of a stream, so that they are checked against each other. Default: a new one. */
  readonly checker?: PlaylistChecker;
}

/**
 * Follows one media playlist by blocking reload, as a low-latency player does, and downloads every segment in it, until ENDLIST or
 * `signal`.
 * @throws if any version breaks a rule of a live playlist, or three other parsers read it differently
 */
export async function recordRendition(
  base: string,
  name: string,
  options: RecordOptions = {},
): Promise<RecordedRendition> {
  const checker = options.checker ?? new PlaylistChecker({ frame: 1 / 25 });
  const recorded: RecordedRendition = { name, playlists: [], segments: new Map(), inits: new Map() };
  let query = '';
  while (!options.signal?.aborted) {
    const url = `${base}/${name}/index.m3u8`;
    const answer = await fetch(`${url}${query}`, options.signal ? { signal: options.signal } : {})
      .then(async (response) => ({ response, text: await response.text() }))
      .catch((error) => {
        if (options.signal?.aborted) return undefined;
        throw error;
      });
    if (answer === undefined) break;
    const { response, text } = answer;
    if (response.status === 503) {
      // The blocking reload timed out: reload without a directive, as a player does by RFC 8216bis 6.2.5.2.
      query = '';
      await delay(100);
      continue;
    }
    if (!response.ok) throw new Error(`GET ${url}${query}: ${response.status} ${text}`);
    if (recorded.playlists.at(-1) !== text) {
      recorded.playlists.push(text);
      checker.add(name, text);
      checker.checkAlignment();
      options.onPlaylist?.(text);
    }
    const playlist = parseMediaPlaylist(text);
    for (const segment of playlist.segments) {
      if (recorded.segments.has(segment.sequence) || segment.gap) continue;
      if (segment.map !== undefined && !recorded.inits.has(segment.map)) {
        recorded.inits.set(segment.map, await fetchBytes(`${base}/${name}/${segment.map}`));
      }
      recorded.segments.set(segment.sequence, {
        ...segment,
        bytes: await fetchBytes(`${base}/${name}/${segment.uri}`),
      });
    }
    if (playlist.ended) break;
    const next = playlist.mediaSequence + playlist.segments.length;
    const listedParts = text.slice(text.lastIndexOf('#EXTINF')).match(/#EXT-X-PART:/g)?.length ?? 0;
    query = `?_HLS_msn=${next}&_HLS_part=${listedParts}`;
  }
  return recorded;
}

/** Follows several renditions of one stream, and checks them against each other. */
export function recordStream(
  base: string,
  names: readonly string[],
  options: RecordOptions = {},
): Promise<RecordedRendition[]> {
  const checker = options.checker ?? new PlaylistChecker({ frame: 1 / 25 });
  return Promise.all(names.map((name) => recordRendition(base, name, { ...options, checker })));
}

/** Polls until `probe` returns a value. For states of another program that no event announces. */
export async function eventually<T>(probe: () => Promise<T | undefined>, withinMs = PATIENCE): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error(`nothing within ${withinMs} ms`);
    await delay(50);
  }
}
