// Asks the gateway that runs on this machine, through its management API. The state directory belongs to the operator, so a command makes itself
// a token there for as long as it runs.

import { OperatorTokens } from '../access/operators/operator-tokens.js';
import { adminSpeaksTls } from '../config/conflicts.js';
import { DEFAULT_ADMIN_PORT, NO_ADMIN_PORT } from '../config/options/admin.js';
import type { Config } from '../config/schema.js';
import { systemReason } from '../protocols/system-error.js';
import { cliError } from './errors.js';

/** Longer than any command takes; the token is removed at its end. */
const TOKEN_LIFETIME = 10 * 60_000;
const NO_LOG = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const wallClock = (): number => Date.now();

export interface ManagementClient {
  /** @param path below `/api/v1/`. @throws {SluiceError} `cli.gateway` with the words of the gateway if it refuses */
  ask(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<unknown>;
}

/**
 * @param work is given a client that works until it ends
 * @throws {SluiceError} `cli.gateway` if no gateway answers; `access.operator-tokens`
 */
export async function withManagement<T>(config: Config, work: (client: ManagementClient) => Promise<T>): Promise<T> {
  const { adminPort, adminHost, stateDir } = config;
  if (adminPort === NO_ADMIN_PORT || adminPort === 0 || adminSpeaksTls(config)) {
    throw cliError(
      'cli.gateway',
      'this command talks to the management API of a gateway on this machine, so it needs its --admin-port, without TLS; elsewhere use the API itself (docs/admin.md)',
    );
  }
  const base = `http://${localHost(adminHost)}:${adminPort ?? DEFAULT_ADMIN_PORT}/api/v1/`;
  const tokens = new OperatorTokens({ stateDir, logger: NO_LOG, wallClock });
  const expiresAt = new Date(wallClock() + TOKEN_LIFETIME).toISOString();
  const { token, description } = await tokens.add({ role: 'operator', name: 'command', expiresAt });
  try {
    return await work({ ask: (method, path, body) => ask(`${base}${path}`, method, token, body) });
  } finally {
    await tokens.revoke(description.id);
  }
}

/** How a listener on this address is reached from this machine, as it stands in a URL. */
export function localHost(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  if (address === '::') return '[::1]';
  return address.includes(':') ? `[${address}]` : address;
}

/** @throws {SluiceError} `cli.gateway` if no gateway answers */
export async function reach(url: string | URL, request: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch (error) {
    const cause = error instanceof Error ? error.cause : error;
    throw cliError(
      'cli.gateway',
      `no gateway answers at ${new URL(url).origin} (${systemReason(cause)}); give this command the --config or the flags of the gateway`,
      { cause },
    );
  }
}

async function ask(url: string, method: string, token: string, body: object | undefined): Promise<unknown> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  const response = await reach(url, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  const answer: unknown = await response.json();
  if (response.ok) return answer;
  const { message, details } = answer as { readonly message?: string; readonly details?: readonly string[] };
  const words = [message ?? `status ${response.status}`, ...(details ?? [])].join('; ');
  const hint = response.status === 401 ? '; does this command use the --state-dir of the gateway?' : '';
  throw cliError('cli.gateway', `the gateway answers: ${words}${hint}`);
}
