// What a JWT allows: our own claim, or that of MediaMTX as it is, also in the forms that Keycloak gives it.

import { RE2JS } from 're2js';
import type { GrantAction, GrantOptions } from '../../contracts/grant.js';

/** The claim of MediaMTX, understood beside our own. */
const MEDIAMTX_CLAIM = 'mediamtx_permissions';
/** More than any account has. */
const MAX_ENTRIES = 200;
const MAX_PATTERN_LENGTH = 256;
const MAX_TITLE_LENGTH = 120;

type Claims = Readonly<Record<string, unknown>>;

export interface AskedStream {
  readonly action: GrantAction;
  readonly app: string;
  readonly name: string;
}

/** Whether the claims allow this. What is not understood allows nothing. Never throws. @param claimName name of our own claim */
export function allows(claims: Claims, claimName: string, asked: AskedStream): boolean {
  const own = claims[claimName];
  if (isRecord(own)) {
    const streams = own[asked.action];
    return Array.isArray(streams) && streams.slice(0, MAX_ENTRIES).some((stream) => isStream(stream, asked));
  }
  const permissions = mediamtxPermissions(own ?? claims[MEDIAMTX_CLAIM]);
  return permissions.slice(0, MAX_ENTRIES).some((permission) => isPermission(permission, asked));
}

/** Options in our own claim, and the common ones beside it. Those of the wrong type are left out. */
export function optionsIn(claims: Claims, claimName: string): GrantOptions {
  const own = claims[claimName];
  const { title } = isRecord(own) ? own : {};
  const { max_height: maxHeight } = claims;
  return {
    ...(typeof title === 'string' && { title: title.slice(0, MAX_TITLE_LENGTH) }),
    ...(isCount(maxHeight) && { maxHeight }),
  };
}

/** `app/name`, `app/*`, or `*` for everything. */
function isStream(stream: unknown, { app, name }: AskedStream): boolean {
  return stream === '*' || stream === `${app}/*` || stream === `${app}/${name}`;
}

/** MediaMTX: an empty path is every path, `~` begins a regular expression that must be found in the path, any other must be equal. */
function isPermission(permission: unknown, { action, app, name }: AskedStream): boolean {
  if (!isRecord(permission)) return false;
  const { action: allowed, path = '' } = permission;
  if (allowed !== (action === 'publish' ? 'publish' : 'read') || typeof path !== 'string') return false;
  const asked = `${app}/${name}`;
  if (path === '' || path === asked) return true;
  return path.startsWith('~') && isFound(path.slice(1), asked);
}

/** In linear time, whatever the expression: whoever writes it must not be able to stop the gateway. */
function isFound(pattern: string, text: string): boolean {
  if (pattern.length > MAX_PATTERN_LENGTH) return false;
  try {
    return RE2JS.compile(pattern).matcher(text).find();
  } catch {
    // Not an expression, or one that RE2 does not have, such as a backreference: MediaMTX refuses it as well.
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
