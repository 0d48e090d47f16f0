// The file of operator tokens: JSON, one token per line, with hashes instead of the tokens. People may edit it.

import { join } from 'node:path';
import { OPERATOR_ROLES, type OperatorRole } from '../../contracts/operators.js';
import type { SluiceError } from '../../protocols/errors.js';
import { accessError } from '../errors.js';
import type { StateFile } from '../state-file.js';

export interface StoredToken {
  readonly id: string;
  readonly role: OperatorRole;
  readonly name: string;
  /** SHA-256 of the token, base64url. */
  readonly hash: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601. If absent, the token does not expire. */
  readonly expiresAt?: string;
}

/** Far more than anybody needs. */
export const MAX_TOKENS = 1_000;
const MAX_BYTES = 1024 * 1024;
const MAX_NAME_LENGTH = 64;
const TOKEN_FILE = 'operator-tokens.json';
const ID = /^[0-9a-f]{8}$/;
const HASH = /^[\w-]{43}$/;
/** No control characters, which could change what a terminal shows. */
const NAME = /^[^\p{C}]*$/u;

export function tokenFile(stateDir: string): StateFile {
  const path = join(stateDir, TOKEN_FILE);
  const error = (what: string, cause?: unknown): SluiceError =>
    accessError(
      'access.operator-tokens',
      `file of operator tokens ${path}: ${what}`,
      cause === undefined ? {} : { cause },
    );
  return { path, maxBytes: MAX_BYTES, whenFull: 'revoke tokens that nobody uses', error };
}

/** What is wrong with the name of a token; undefined if nothing is. */
export function faultOfTokenName(name: string): string | undefined {
  if (name.length > MAX_NAME_LENGTH)
    return `got a name of ${name.length} characters, expected at most ${MAX_NAME_LENGTH}`;
  return NAME.test(name) ? undefined : 'got a name with control characters';
}

/**
 * @param text undefined if there is no file.
 * @throws {SluiceError} the error of the file; its message names the entry
 */
export function parseTokens(file: StateFile, text: string | undefined): readonly StoredToken[] {
  if (text === undefined) return [];
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    // Without the cause, because its message quotes the file.
    throw file.error(`it is not JSON${placeOfFault(text, error)}`);
  }
  const { tokens } = asRecord(content);
  if (!Array.isArray(tokens)) throw file.error('expected an object with a list "tokens"');
  if (tokens.length > MAX_TOKENS) throw file.error(`it has ${tokens.length} tokens, expected at most ${MAX_TOKENS}`);
  const seen = new Set<string>();
  return tokens.map((entry: unknown, index) => {
    const token = asRecord(entry);
    const fault = faultOf(token) ?? (seen.has(String(token.id)) ? `id ${String(token.id)} is there twice` : undefined);
    if (fault !== undefined) throw file.error(`token ${index + 1}: ${fault}`);
    seen.add(String(token.id));
    return token as unknown as StoredToken;
  });
}

export function tokensText(tokens: readonly StoredToken[]): string {
  const lines = tokens.map((token) => `    ${JSON.stringify(token)}`);
  return lines.length === 0 ? '{ "tokens": [] }\n' : `{\n  "tokens": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

function faultOf({
  id,
  role,
  name,
  hash,
  createdAt,
  expiresAt,
}: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof id !== 'string' || !ID.test(id)) return 'id: expected 8 digits or letters a to f';
  if (!OPERATOR_ROLES.includes(role as OperatorRole)) return `role: expected one of ${OPERATOR_ROLES.join(', ')}`;
  if (typeof name !== 'string') return 'name: expected a text';
  if (faultOfTokenName(name) !== undefined) return `name: ${faultOfTokenName(name)}`;
  if (typeof hash !== 'string' || !HASH.test(hash)) return 'hash: expected 43 characters of base64url';
  if (!isTime(createdAt)) return 'createdAt: expected a time such as 2030-12-31T18:00:00Z';
  if (expiresAt !== undefined && !isTime(expiresAt)) return 'expiresAt: expected a time such as 2030-12-31T18:00:00Z';
  return undefined;
}

const isTime = (value: unknown): boolean => typeof value === 'string' && !Number.isNaN(Date.parse(value));

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

/** The line number, if the parser's message contains the position. */
function placeOfFault(text: string, error: unknown): string {
  const position = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
  return position === undefined ? '' : `: line ${text.slice(0, Number(position)).split('\n').length}`;
}
