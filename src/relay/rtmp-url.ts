// Splits the URL of another server into the parts that RTMP sends. It splits like FFmpeg, so that a URL that works in FFmpeg works here. Nothing is
// decoded, so a percent sign in a key is sent unchanged.

import { isIP } from 'node:net';
import type { SluiceError } from '../protocols/errors.js';
import { relayError } from './errors.js';

export interface RtmpUrl {
  readonly secure: boolean;
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  readonly app: string;
  /** The last part: secret. */
  readonly streamName: string;
  /** The tcUrl of `connect`, without user and stream name. */
  readonly tcUrl: string;
  /** Secret. */
  readonly user?: { readonly name: string; readonly password: string };
  /** For display: `rtmp://host/app/•••`. */
  readonly shown: string;
}

const DEFAULT_PORT = { rtmp: 1935, rtmps: 443 } as const;
const MAX_URL_CHARACTERS = 2_048;
/** Replaces secrets in displayed URLs. */
export const MASK = '•••';

/**
 * - `rtmp://host/app/key`, `rtmp://host/app/instance/key`: the application has one part, or two if there are more than two parts.
 * - `rtmp://host/any/app#key`: everything before `#` is the application.
 * - A query belongs to the part that it follows. `user:password@` is for servers that ask for authentication.
 *
 * @throws {SluiceError} `relay.url`, with a message that repeats no part of the URL but the scheme
 */
export function parseRtmpUrl(text: string): RtmpUrl {
  if (text.length > MAX_URL_CHARACTERS) {
    throw urlError(`it has ${text.length} characters, expected at most ${MAX_URL_CHARACTERS}`);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (/[\u0000-\u0020\u007f]/.test(text)) throw urlError('it has a space or a control character');
  const [, scheme, authority = '', rest = ''] = /^(rtmps?):\/\/([^/?#]*)(.*)$/i.exec(text) ?? [];
  const lower = scheme?.toLowerCase();
  if (lower !== 'rtmp' && lower !== 'rtmps') throw urlError('expected rtmp://HOST/APP/KEY or rtmps://HOST/APP/KEY');
  const at = authority.lastIndexOf('@');
  const { host, port } = splitHost(authority.slice(at + 1), DEFAULT_PORT[lower]);
  const { app, streamName } = splitPath(rest);
  const user = at < 0 ? undefined : splitUser(authority.slice(0, at));
  const urlHost = isIP(host) === 6 ? `[${host}]` : host;
  const place = `${lower}://${urlHost}${port === DEFAULT_PORT[lower] ? '' : `:${port}`}`;
  return {
    secure: lower === 'rtmps',
    host,
    port,
    app,
    streamName,
    tcUrl: `${lower}://${urlHost}:${port}/${app}`,
    ...(user && { user }),
    shown: `${place}/${app.split('?')[0] ?? ''}/${MASK}`,
  };
}

/** Removes the secrets of the URL from text of the other server. */
export function withoutSecrets(text: string, { app, streamName, user }: RtmpUrl): string {
  const [publicApp = '', ...appQuery] = app.split('?');
  const [name = '', ...query] = streamName.split('?');
  const parts = [...appQuery, ...query].flatMap((part) =>
    part.split('&').flatMap((pair) => [pair, ...pair.split('=')]),
  );
  const texts = [streamName, name, ...appQuery, ...query, ...parts, user?.password ?? '', user?.name ?? ''];
  const secrets = texts.flatMap((secret) => [secret, decoded(secret)]).filter((secret) => secret.length > 2);
  let cleaned = text;
  for (const secret of secrets.sort((a, b) => b.length - a.length)) {
    if (secret !== publicApp) cleaned = cleaned.replaceAll(secret, MASK);
  }
  return cleaned;
}

function urlError(what: string): SluiceError {
  return relayError('relay.url', `cannot use the URL: ${what}`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function splitHost(text: string, defaultPort: number): { host: string; port: number } {
  const [, bracketed, plain, portText] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? '';
  if (host === '' || (bracketed !== undefined && isIP(bracketed) !== 6)) throw urlError('it has no usable host');
  const port = portText === undefined ? defaultPort : Number(portText);
  if (port < 1 || port > 65_535) throw urlError('its port is not one from 1 to 65535');
  return { host: host.toLowerCase(), port };
}

function splitUser(text: string): { name: string; password: string } {
  const colon = text.indexOf(':');
  return colon < 0 ? { name: text, password: '' } : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

function splitPath(rest: string): { app: string; streamName: string } {
  const hash = rest.indexOf('#');
  const path = (hash < 0 ? rest : rest.slice(0, hash)).replace(/^\//, '');
  if (hash >= 0) return checked(path.replace(/\/$/, ''), rest.slice(hash + 1));
  const first = path.indexOf('/');
  if (first < 0) throw urlError('it has no key: expected rtmp://HOST/APP/KEY');
  const second = path.indexOf('/', first + 1);
  const colon = path.indexOf(':', first + 1);
  // A slash in a name such as mp4:folder/file, or in a query, does not end the application.
  const query = path.indexOf('?', first + 1);
  const inName = [colon, query].some((mark) => mark >= 0 && mark < second);
  const end = second < 0 || inName ? first : second;
  return checked(path.slice(0, end), path.slice(end + 1));
}

function checked(app: string, streamName: string): { app: string; streamName: string } {
  if (app === '') throw urlError('it has no application: expected rtmp://HOST/APP/KEY');
  if (streamName === '') throw urlError('it has no key: expected rtmp://HOST/APP/KEY');
  return { app, streamName };
}
