// Parses the target of a request below /hls/ into an object with a canonical key. Requests with the same key are coalesced.

import { RecentValues } from '../../../protocols/recent-values.js';
import type { DeliveryDirectives, OriginAnswerKind } from '../dependencies.js';
import { MAX_TARGET_BYTES } from '../plugins/errors.js';
import type { RawRequest } from './exchange.js';

export interface DeliveryTarget {
  /** The path and the `_HLS_*` directives in a fixed order, without the rest of the query. */
  readonly key: string;
  readonly app: string;
  readonly name: string;
  /** The kind of the expected answer. A file counts as a segment until the origin says what it is. */
  readonly asked: Extract<OriginAnswerKind, 'multivariant' | 'media-playlist' | 'manifest' | 'segment'>;
  /** Empty for the multivariant playlist and the MPD. */
  readonly rendition: string;
  /** Empty for playlists, except I-frame playlists. */
  readonly file: string;
  readonly directives: DeliveryDirectives;
}

/** The directives of every request without any. Compared by identity. */
export const NO_DIRECTIVES: DeliveryDirectives = {};
const PLAYLIST = 'index.m3u8';
const I_FRAMES = 'iframes.m3u8';
/** A longer value is left to the router, whose schema answers 400. */
const MAX_DIRECTIVE_LENGTH = 32;

/** The usual form of a request target. Names have the characters that `NameSchema` allows. */
const TARGET = /^\/hls\/([\w.-]{1,255})\/([\w.-]{1,255})\/(?:([\w.-]{1,255})\/)?([\w.-]{1,255})(?:\?([^%+#]*))?$/;

/** Players request the same targets again and again, but those of a live stream soon change. */
const remembered = new RecentValues<DeliveryTarget>({ entries: 1024, keyLength: 256 });

/**
 * Parses a request target of the usual form.
 * @returns undefined for any other target, valid or not: the router handles escapes, unusual names and repeated directives
 */
export function parseTarget(requestTarget: string): DeliveryTarget | undefined {
  const known = remembered.get(requestTarget);
  if (known !== undefined) return known;
  const target = readTarget(requestTarget);
  // Not kept with a token, because every viewer's token makes another target.
  if (target !== undefined && !(isEntry(target) && requestTarget.includes('?'))) remembered.keep(requestTarget, target);
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

/** Whether a viewer comes here first, and may prove here that it may watch. */
export function isEntry({ asked }: DeliveryTarget): boolean {
  return asked === 'multivariant' || asked === 'manifest';
}

export function multivariantTarget(app: string, name: string): DeliveryTarget {
  const key = `${app}/${name}`;
  return { key, app, name, asked: 'multivariant', rendition: '', file: '', directives: NO_DIRECTIVES };
}

/** The MPD of a stream. Its key begins with a slash, so it differs from all keys below `/hls/`. */
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

/** The I-frame playlist: a file, but with the same directives as the media playlist. */
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

/**
 * An absent directive differs from an empty one. The values are unchecked, so each is prefixed with its length to keep keys unambiguous.
 */
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

const MARK = '~';
/**
 * The characters that a path segment in the place of a ticket may have. An MPD contains it in the URLs of its media, so no character may have a
 * meaning in XML. The router refuses other texts, which are not valid names of streams either.
 */
export const TICKET_CHARACTERS = '[\\w.~-]{0,256}';
/** `/hls/~…/` or `/dash/~…/`; the mark may be percent-encoded. */
const TICKET_PATH = new RegExp(`^(/hls/|/dash/|/vod/)(?:~|%7E)(${TICKET_CHARACTERS})/(.*)$`, 'is');

/** The tickets of requests whose target has been rewritten. */
const tickets = new WeakMap<RawRequest, string>();

/**
 * Takes the ticket out of a request target, so that the rest of the server sees the target of an open stream.
 * @returns the target without the ticket, or the unchanged target if it has none
 */
export function takeTicket(request: RawRequest): string {
  const { url = '' } = request;
  // Fast path: called for every request, and most have none. A ticket begins at index 5 after `/hls/`, at index 6 after `/dash/`.
  if (!url.startsWith('~', 5) && !url.startsWith('%7', 5) && !url.startsWith('~', 6) && !url.startsWith('%7', 6))
    return url;
  const match = TICKET_PATH.exec(url);
  if (match === null) return url;
  const [, root = '', ticket = '', rest = ''] = match;
  carryTicket(request, `${MARK}${ticket}`);
  return `${root}${rest}`;
}

/** Remembers the ticket of a request. */
export function carryTicket(request: RawRequest, ticket: string): void {
  tickets.set(request, ticket);
}

/** The ticket of a request; undefined if it had none. */
export function ticketOf(request: RawRequest): string | undefined {
  return tickets.get(request);
}
