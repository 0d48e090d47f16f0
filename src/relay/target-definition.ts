// A target as it is configured or stored, and the rules for its fields.

import type { NewPushTarget, PushTargetChange } from '../contracts/relay.js';
import { matchesGlob } from '../protocols/glob.js';
import { relayError } from './errors.js';
import { isPreset, PRESETS } from './presets.js';
import { parseRtmpUrl, type RtmpUrl } from './rtmp-url.js';

export interface TargetDefinition extends NewPushTarget {
  readonly id: string;
  readonly configured: boolean;
  readonly stopped: boolean;
}

/** Allowed host names; `*.` matches any subdomain. Empty: all are allowed. */
export type AllowedHosts = readonly string[];

/**
 * Returns the change without fields that are undefined.
 * @throws {SluiceError} `relay.url`, `relay.host`
 */
export function checkedTarget<Change extends PushTargetChange>(change: Change, hosts: AllowedHosts): Change {
  const { preset } = change;
  if (preset !== undefined && !isPreset(preset)) {
    throw relayError('relay.url', `there is no such preset, only ${Object.keys(PRESETS).join(', ')}`);
  }
  const url = change.url === undefined ? undefined : completeUrl(change.url, preset);
  if (url !== undefined) {
    urlFor(url, { app: 'app', name: 'name' }, hosts);
  }
  return Object.fromEntries(Object.entries({ ...change, url }).filter(([, value]) => value !== undefined)) as Change;
}

/** With a preset that has a server, the key alone is enough. */
function completeUrl(text: string, preset: string | undefined): string {
  const server = preset === undefined ? undefined : PRESETS[preset]?.server;
  return server === undefined || text.includes('://') ? text : `${server}/${text}`;
}

interface NamedStream {
  readonly app: string;
  readonly name: string;
}

/**
 * Replaces `{app}` and `{name}` by those of the stream.
 * @throws {SluiceError} `relay.url`, `relay.host`
 */
export function urlFor(text: string, { app, name }: NamedStream, hosts: AllowedHosts = []): RtmpUrl {
  const url = parseRtmpUrl(text.replaceAll('{app}', app).replaceAll('{name}', name));
  if (hosts.length === 0 || hosts.some((allowed) => isHost(url.host, allowed.toLowerCase()))) return url;
  throw relayError('relay.host', `the host ${url.host} is not one of relayHosts`);
}

/** For display: without key, with unreplaced placeholders. */
export function shownUrl(url: string): string {
  return parseRtmpUrl(url).shown;
}

/** @param pattern `APP/NAME`, where `*` matches any characters except `/` */
export function matchesStream(
  pattern: string,
  { app, name }: { readonly app: string; readonly name: string },
): boolean {
  return matchesGlob(pattern, `${app}/${name}`);
}

function isHost(host: string, allowed: string): boolean {
  return allowed.startsWith('*.') ? host.endsWith(allowed.slice(1)) : host === allowed;
}
