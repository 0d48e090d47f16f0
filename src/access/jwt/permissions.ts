// Decides what a JWT allows. It understands our own claim and that of MediaMTX, the latter also in the forms that Keycloak produces.

import { RE2JS } from 're2js';
import type { GrantAction, GrantOptions } from '../../contracts/grant.js';

/** The claim of MediaMTX, understood beside our own. */
const MEDIAMTX_CLAIM = 'mediamtx_permissions';
/** More than any account needs. */
const MAX_ENTRIES = 200;
const MAX_PATTERN_LENGTH = 256;
const MAX_TITLE_LENGTH = 120;

type Claims = Readonly<Record<string, unknown>>;

export interface AskedStream {
  readonly action: GrantAction;
  readonly app: string;
  readonly name: string;
}

/** Whether the claims allow this. Entries that are not understood allow nothing. Never throws. @param claimName name of our own claim */
export function allows(claims: Claims, claimName: string, asked: AskedStream): boolean {
  const own = claims[claimName];
  if (isRecord(own)) {
    const streams = own[asked.action];
    return Array.isArray(streams) && streams.slice(0, MAX_ENTRIES).some((stream) => isStream(stream, asked));
  }
  const permissions = mediamtxPermissions(own ?? claims[MEDIAMTX_CLAIM]);
  return permissions.slice(0, MAX_ENTRIES).some((permission) => isPermission(permission, asked));
}

/** The options in our own claim, completed by standard claims. Options of the wrong type are ignored. */
export function optionsIn(claims: Claims, claimName: string): GrantOptions {
  const own = claims[claimName];
  const { title } = isRecord(own) ? own : {};
  const { max_height: maxHeight, max_viewers: maxViewers } = claims;
  return {
    ...(typeof title === 'string' && { title: title.slice(0, MAX_TITLE_LENGTH) }),
    ...(isCount(maxHeight) && { maxHeight }),
    ...(isCount(maxViewers) && { maxViewers }),
  };
}

/** `app/name`, `app/*`, or `*` for everything. */
function isStream(stream: unknown, { app, name }: AskedStream): boolean {
  return stream === '*' || stream === `${app}/*` || stream === `${app}/${name}`;
}

/**
 * MediaMTX: an empty path matches every path, `~` begins a regular expression that must match somewhere in the path, and any other text must be equal
 * to the path.
 */
function isPermission(permission: unknown, { action, app, name }: AskedStream): boolean {
  if (!isRecord(permission)) return false;
  const { action: allowed, path = '' } = permission;
  if (allowed !== (action === 'publish' ? 'publish' : 'read') || typeof path !== 'string') return false;
  const asked = `${app}/${name}`;
  if (path === '' || path === asked) return true;
  return path.startsWith('~') && isFound(path.slice(1), asked);
}

/** RE2 matches in linear time, so that no expression in a token can block the gateway. */
function isFound(pattern: string, text: string): boolean {
  if (pattern.length > MAX_PATTERN_LENGTH) return false;
  try {
    return RE2JS.compile(pattern).matcher(text).find();
  } catch {
    // Not valid in RE2, such as a backreference. MediaMTX, which also uses RE2 syntax, refuses it too.
    return false;
  }
}

/** Keycloak gives a list, a list of JSON texts (a multivalued attribute), or one JSON text. */
function mediamtxPermissions(claim: unknown): readonly unknown[] {
  const value = parsed(claim);
  if (Array.isArray(value)) return value.flatMap(parsed);
  return isRecord(value) ? [value] : [];
}

function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Claims =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;
