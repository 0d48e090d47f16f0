// Reads a stream's directory as a web server would serve it: every playlist, and every listed file completely.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSegment } from './media-checks.js';

export interface MediaTree {
  /** Descriptions of the faults; empty for a valid tree. */
  readonly faults: readonly string[];
  /** Segments listed by all playlists together. */
  readonly segments: number;
}

/** @param directory of a stream: `media/live/name`. One without playlists is valid: the stream has just begun */
export function readMediaTree(directory: string): MediaTree {
  const faults: string[] = [];
  let segments = 0;
  const attempt = (what: string, read: () => void): void => {
    try {
      read();
    } catch (error) {
      faults.push(`${what}: ${String(error)}`);
    }
  };
  const entries = readdirSync(directory, { withFileTypes: true });
  if (entries.some(({ name }) => name === 'index.m3u8')) {
    attempt('index.m3u8', () => {
      const uris = urisOf(readPlaylist(join(directory, 'index.m3u8')));
      if (uris.length === 0) throw new Error('lists nothing');
      for (const uri of uris) readPlaylist(join(directory, uri));
    });
  }
  for (const rendition of entries.filter((entry) => entry.isDirectory())) {
    const at = join(directory, rendition.name);
    for (const playlist of readdirSync(at).filter((file) => file.endsWith('.m3u8'))) {
      attempt(`${rendition.name}/${playlist}`, () => {
        const text = readPlaylist(join(at, playlist));
        const [, map = ''] = /#EXT-X-MAP:URI="([^"]+)"/.exec(text) ?? [];
        for (const { uri, range } of listedSegments(text)) {
          segments += 1;
          const segment = readWhole(join(at, uri));
          readSegment(readWhole(join(at, map)), segment);
          if (range > segment.length) throw new Error(`${uri} has ${segment.length} bytes and not ${range}`);
        }
      });
    }
  }
  return { faults, segments };
}

function readPlaylist(path: string): string {
  const text = readFileSync(path, 'utf8');
  if (!text.startsWith('#EXTM3U\n') || !text.endsWith('\n')) throw new Error(`${path} is no whole playlist: ${text}`);
  return text;
}

function urisOf(text: string): string[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return [...lines, ...[...text.matchAll(/\bURI="([^"]+)"/g)].map(([, uri = '']) => uri)];
}

function listedSegments(text: string): { readonly uri: string; readonly range: number }[] {
  let range = 0;
  let gap = false;
  const listed: { uri: string; range: number }[] = [];
  for (const line of text.split('\n')) {
    // RFC 8216bis 4.4.4.7: the URI of a gap names no file.
    gap ||= line === '#EXT-X-GAP';
    const [, bytes] = /^#EXT-X-BYTERANGE:(\d+)@0/.exec(line) ?? [];
    if (bytes !== undefined) range = Number(bytes);
    if (line === '' || line.startsWith('#')) continue;
    if (!gap) listed.push({ uri: line, range });
    range = 0;
    gap = false;
  }
  return listed;
}

/** @throws unless the boxes of the file end where the file does */
function readWhole(path: string): Buffer {
  const bytes = readFileSync(path);
  let at = 0;
  while (at + 8 <= bytes.length) at += Math.max(8, bytes.readUInt32BE(at));
  if (at !== bytes.length || at === 0) throw new Error(`${path} has ${bytes.length} bytes, and its boxes end at ${at}`);
  return bytes;
}
