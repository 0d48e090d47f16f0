// Encoders split the same URL into application and stream key in different ways. This maps all of them to one canonical, safe name.
//
// The paths of application and key are joined and split again: the last segment is the name, everything before it the application. So
// `live` + `room/key`, `live/room` + `key` and `live/room/key` + `` are the same stream. Each segment is percent-decoded once; after that
// it may contain only 0-9 A-Z a-z _ . - and must not begin with a dash. Doubled and trailing slashes, `_definst_`, each leading `mp4:` or
// `flv:` and each trailing `.flv` are removed. Of a whole URL sent as the key only the path counts. A canonical name is its own canonical
// form. Error texts never repeat the name, because people paste secrets there.

import type { SluiceError } from '../errors.js';
import { rtmpError } from './errors.js';

/** Maximum length of a canonical application or name, which both become directory names. */
const MAX_NAME_BYTES = 255;
/** A leading dash is refused as well: programs that get the name as an argument would take it for an option. */
const NAME_CHARACTERS = /^[0-9A-Za-z_.][0-9A-Za-z_.-]*$/;

/** The instance name that Flash Media Server adds when the URL contains none. */
const DEFAULT_INSTANCE = '_definst_';
const FILE_TYPE_PREFIX = /^(?:(?:mp4|flv):)+/;
const FLV_SUFFIX = /(?:\.flv)+$/;
/** Some cameras send the whole URL as the key. Its scheme and host are not needed. */
const URL_ORIGIN = /^rtmp[a-z]{0,2}:\/\/[^/]*\//i;

/** Parameters of the `authmod=adobe` challenge that librtmp and FFmpeg add; they are not the publisher's own. */
const ADOBE_AUTH_PARAMETERS = ['authmod', 'user', 'challenge', 'response', 'opaque'];

export interface StreamAddress {
  readonly app: string;
  readonly name: string;
  readonly query: URLSearchParams;
}

/** What the peer sent in `connect` and in `publish` or `play`. */
export interface StreamAddressParts {
  readonly app: string;
  readonly tcUrl?: string;
  /** Stream key, including its query. */
  readonly name: string;
}

/**
 * Canonical form of the application alone, as `connect` names it.
 * @throws rtmp.app-name
 */
export function canonicalApp(app: string): string {
  const segments = pathSegments(splitAtQuery(app).path, 'rtmp.app-name');
  return checkedApp(segments);
}

/**
 * The decoded parameters of application and tcUrl; if both have a parameter, the one of the application counts. Unlike the parameters of a
 * stream, they include the answers of librtmp and FFmpeg to `authmod=adobe`, because the challenge concerns the connection.
 */
export function connectQuery(app: string, tcUrl = ''): URLSearchParams {
  return mergedQuery([splitAtQuery(app).query, splitAtQuery(unquoted(tcUrl)).query], 'keep challenge');
}

/** @throws rtmp.app-name, rtmp.stream-name */
export function canonicalStream({ app, tcUrl, name }: StreamAddressParts): StreamAddress {
  const appParts = splitAtQuery(app);
  const isUrl = URL_ORIGIN.test(name);
  const nameParts = splitAtQuery(isUrl ? name.replace(URL_ORIGIN, '') : name);
  const nameSegments = pathSegments(nameParts.path.replace(FILE_TYPE_PREFIX, ''), 'rtmp.stream-name');
  // A doubled slash between application and key is a typing error. An absolute path is an attempt to reach the file system.
  if (!isUrl && nameParts.path.startsWith('/') && nameSegments.length > 1) {
    throw rtmpError('rtmp.stream-name', 'got an absolute path, expected a stream name');
  }
  // The path of a URL includes the application, unless it consists of the name alone.
  const hasApp = isUrl && nameSegments.length > 1;
  const segments = [...(hasApp ? [] : pathSegments(appParts.path, 'rtmp.app-name')), ...nameSegments];
  const last = segments.pop();
  if (last === undefined || segments.length === 0) {
    throw rtmpError('rtmp.stream-name', 'the stream name is empty, expected rtmp://HOST/APP with stream key NAME');
  }
  const stem = last.replace(FLV_SUFFIX, '');
  if (stem === DEFAULT_INSTANCE) throw rtmpError('rtmp.stream-name', `got ${DEFAULT_INSTANCE}, expected a stream name`);
  return {
    app: checkedApp(segments),
    name: checkedName(stem, 'rtmp.stream-name'),
    query: mergedQuery([nameParts.query, appParts.query, splitAtQuery(unquoted(tcUrl ?? '')).query], 'drop challenge'),
  };
}

/** Splits only at the first `?`, because a token may contain any character after it. */
function splitAtQuery(text: string): { path: string; query: string } {
  const index = text.indexOf('?');
  return index < 0 ? { path: text, query: '' } : { path: text.slice(0, index), query: text.slice(index + 1) };
}

function pathSegments(path: string, code: NameErrorCode): string[] {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    const decoded = decodeOnce(segment, code);
    if (decoded !== '' && decoded !== DEFAULT_INSTANCE) segments.push(checkedName(decoded, code));
  }
  return segments;
}

type NameErrorCode = 'rtmp.app-name' | 'rtmp.stream-name';

function checkedApp(segments: readonly string[]): string {
  const app = segments.join('/');
  if (app === '') throw rtmpError('rtmp.app-name', 'the application is empty, expected rtmp://HOST/APP');
  if (app.length > MAX_NAME_BYTES) throw tooLong('rtmp.app-name', app.length);
  return app;
}

function checkedName(name: string, code: NameErrorCode): string {
  if (!NAME_CHARACTERS.test(name) || /^\.+$/.test(name)) {
    throw rtmpError(
      code,
      'got a name with a character outside 0-9 A-Z a-z _ . - or a dash first, or made of dots alone',
    );
  }
  // Only ASCII characters are left, so the length in characters is the length in bytes.
  if (name.length > MAX_NAME_BYTES) throw tooLong(code, name.length);
  return name;
}

function tooLong(code: NameErrorCode, bytes: number): SluiceError {
  return rtmpError(code, `got a name of ${bytes} bytes, expected at most ${MAX_NAME_BYTES}`);
}

function decodeOnce(segment: string, code: NameErrorCode): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw rtmpError(code, 'got percent-encoding that is not valid UTF-8', { cause });
  }
}

/** Removes quotes, because Neko sends its tcUrl quoted. */
function unquoted(tcUrl: string): string {
  return tcUrl.replace(/^['"]|['"]$/g, '');
}

/** All parameters. If several queries have the same one, its values come from the first of these queries. */
function mergedQuery(queries: readonly string[], challenge: 'keep challenge' | 'drop challenge'): URLSearchParams {
  const merged = new Map<string, string[]>();
  for (const query of queries) {
    const own = parseQuery(query);
    if (challenge === 'drop challenge' && own.has('authmod'))
      for (const name of ADOBE_AUTH_PARAMETERS) own.delete(name);
    for (const [name, values] of own) if (!merged.has(name)) merged.set(name, values);
  }
  const pairs: [string, string][] = [];
  for (const [name, values] of merged) for (const value of values) pairs.push([name, value]);
  return new URLSearchParams(pairs);
}

/** Unlike in form data, `+` in a stream key stays a `+`. Invalid percent-encoding is kept as it is. */
function parseQuery(query: string): Map<string, string[]> {
  const parameters = new Map<string, string[]>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const index = pair.indexOf('=');
    const name = decodeParameter(index < 0 ? pair : pair.slice(0, index));
    const value = index < 0 ? '' : decodeParameter(pair.slice(index + 1));
    const values = parameters.get(name);
    if (values === undefined) parameters.set(name, [value]);
    else values.push(value);
  }
  return parameters;
}

function decodeParameter(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
