// What a request below /hls/ asks for, and its one canonical key: requests with the same key are the same request.

import { RecentValues } from '../../../protocols/recent-values.js';
import type { DeliveryDirectives, OriginAnswerKind } from '../dependencies.js';
import { MAX_TARGET_BYTES } from '../plugins/errors.js';

export interface DeliveryTarget {
  /** Path and `_HLS_*` directives in a fixed order; whatever else the query holds is not part of it. */
  readonly key: string;
  readonly app: string;
  readonly name: string;
  /** What would be answered; a file counts as a segment until the origin says what it is. */
  readonly asked: Extract<OriginAnswerKind, 'multivariant' | 'media-playlist' | 'manifest' | 'segment'>;
  /** Empty for the multivariant playlist and the MPD. */
  readonly rendition: string;
  /** Empty for playlists, but for those of I-frames. */
  readonly file: string;
  readonly directives: DeliveryDirectives;
}

/** Of everything that was asked for without any; compared by identity. */
export const NO_DIRECTIVES: DeliveryDirectives = {};
const PLAYLIST = 'index.m3u8';
const I_FRAMES = 'iframes.m3u8';
/** A value longer than this is no directive of ours; the schema of the route says so with a 400. */
const MAX_DIRECTIVE_LENGTH = 32;

/** The usual shape of a request target. Names are those of `NameSchema`; `\w` is its `0-9A-Za-z_`. */
const TARGET = /^\/hls\/([\w.-]{1,255})\/([\w.-]{1,255})\/(?:([\w.-]{1,255})\/)?([\w.-]{1,255})(?:\?([^%+#]*))?$/;

/** Players ask for the same targets again and again, and a live stream soon has others. */
const remembered = new RecentValues<DeliveryTarget>({ entries: 1024, keyLength: 256 });

/**
 * Reads a request target that is written the usual way.
 * @returns undefined for everything else, right or wrong: escapes, odd names, repeated directives are the router's to judge
 */
export function parseTarget(requestTarget: string): DeliveryTarget | undefined {
  const known = remembered.get(requestTarget);
  if (known !== undefined) return known;
  const target = readTarget(requestTarget);
  if (target !== undefined) remembered.keep(requestTarget, target);
  return target;
}

function readTarget(requestTarget: string): DeliveryTarget | undefined {
  if (requestTarget.length > MAX_TARGET_BYTES) return undefined;
  const match = TARGET.exec(requestTarget);
  if (match === null) return undefined;
  const [, app = '', name = '', rendition = '', file = '', query] = match;
  if (isDots(app) || isDots(name) || isDots(rendition) || isDots(file)) return undefined;
  if (rendition === '') return file === PLAYLIST ? multivariantTarget(app, name) : undefined;
  if (file !== PLAYLIST && file !== I_FRAMES) return fileTarget(app, name, rendition, file);
  const directives = query === undefined || query === '' ? NO_DIRECTIVES : parseDirectives(query);
  if (directives === undefined) return undefined;
  const target = file === PLAYLIST ? mediaPlaylistTarget : iFramePlaylistTarget;
  return target(app, name, rendition, directives);
}

export function multivariantTarget(app: string, name: string): DeliveryTarget {
  const key = `${app}/${name}`;
  return { key, app, name, asked: 'multivariant', rendition: '', file: '', directives: NO_DIRECTIVES };
}

/** @param name of a stream whose MPD is asked for; no key of `/hls/` begins with a slash */
export function manifestTarget(app: string, name: string): DeliveryTarget {
  return { key: `/${app}/${name}`, app, name, asked: 'manifest', rendition: '', file: '', directives: NO_DIRECTIVES };
}

export function mediaPlaylistTarget(
  app: string,
  name: string,
  rendition: string,
  directives: DeliveryDirectives,
): DeliveryTarget {
  const key = `${app}/${name}/${rendition}/?${directiveKey(directives)}`;
  return { key, app, name, asked: 'media-playlist', rendition, file: '', directives };
}

/** A file that heeds directives like the playlist beside it. */
export function iFramePlaylistTarget(
  app: string,
  name: string,
  rendition: string,
  directives: DeliveryDirectives,
): DeliveryTarget {
  const key = `${app}/${name}/${rendition}/${I_FRAMES}?${directiveKey(directives)}`;
  return { key, app, name, asked: 'media-playlist', rendition, file: I_FRAMES, directives };
}

export function fileTarget(app: string, name: string, rendition: string, file: string): DeliveryTarget {
  return {
    key: `${app}/${name}/${rendition}/${file}`,
    app,
    name,
    asked: 'segment',
    rendition,
    file,
    directives: NO_DIRECTIVES,
  };
}

const isDots = (name: string): boolean => name === '.' || name === '..';

/** Absent and empty are different things to ask for, and values are checked by nobody yet: each is quoted by its length. */
function directiveKey({ msn, part, skip }: DeliveryDirectives): string {
  if (msn === undefined && part === undefined && skip === undefined) return '';
  return [msn, part, skip].map((value) => (value === undefined ? '' : `${value.length}:${value}`)).join('&');
}

function parseDirectives(query: string): DeliveryDirectives | undefined {
  let msn: string | undefined;
  let part: string | undefined;
  let skip: string | undefined;
  for (const pair of query.split('&')) {
    if (!pair.startsWith('_HLS_')) continue;
    const equals = pair.indexOf('=');
    const key = equals === -1 ? pair : pair.slice(0, equals);
    const value = equals === -1 ? '' : pair.slice(equals + 1);
    if (value.length > MAX_DIRECTIVE_LENGTH) return undefined;
    if (key === '_HLS_msn' && msn === undefined) msn = value;
    else if (key === '_HLS_part' && part === undefined) part = value;
    else if (key === '_HLS_skip' && skip === undefined) skip = value;
    else if (key === '_HLS_msn' || key === '_HLS_part' || key === '_HLS_skip') return undefined;
  }
  return { msn, part, skip };
}
