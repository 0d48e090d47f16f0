// Writes every change that an operator requests to the audit log: before it is made, and also if it is refused. A change that cannot be
// written is not made.

import type { FastifyRequest } from 'fastify';
import type { AuditRecord, AuditValue } from '../../access/audit/audit-entry.js';
import { SluiceError } from '../../protocols/errors.js';
import type { Milliseconds } from '../../protocols/units.js';
import type { LimitedLog } from '../http/limited-log.js';
import { maskedPath } from '../http/request-path.js';
import { addressOf } from './authentication.js';
import type { AdminDependencies } from './dependencies.js';
import { AdminProblem } from './errors.js';
import type { ShownProblem } from './problems.js';

export interface Change {
  /** For example `token.add`. */
  readonly action: string;
  readonly target?: string;
  readonly before?: AuditValue;
  readonly after?: AuditValue;
}

/**
 * Maximum number of refused requests of one token that are written per minute, so that a program that repeats itself cannot push all other
 * entries out of the log.
 */
const MAX_REFUSED = 60;
const MINUTE: Milliseconds = 60_000;
const READING: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

export class AuditedChanges {
  readonly #audit: AdminDependencies['audit'];
  readonly #isRequired: boolean;
  readonly #log: Pick<LimitedLog, 'write'>;
  /** By token id; there are few tokens. */
  readonly #refused = new Map<string, { count: number; readonly since: Milliseconds }>();
  readonly #written = new WeakSet<FastifyRequest>();

  constructor(audit: AdminDependencies['audit'], isRequired: boolean, log: Pick<LimitedLog, 'write'>) {
    this.#audit = audit;
    this.#isRequired = isRequired;
    this.#log = log;
  }

  /**
   * Writes the change to the log, then makes it.
   * @throws {SluiceError} `audit.unwritable` if nothing was changed; otherwise what `make` throws
   */
  async make<Result>(request: FastifyRequest, change: Change, make: () => Result | Promise<Result>): Promise<Result> {
    await this.#write(request, { ...change, result: 'accepted' });
    this.#written.add(request);
    try {
      return await make();
    } catch (error) {
      const isKnown = error instanceof SluiceError || error instanceof AdminProblem;
      const code = isKnown ? error.code : 'admin.internal';
      await this.#writeIfPossible(request, { action: change.action, target: change.target, result: 'failed', code });
      throw error;
    }
  }

  /** Writes a refused change to the log. Never rejects. Requests without a valid token appear only in the log of the gateway. */
  async refused(request: FastifyRequest, { code }: ShownProblem): Promise<void> {
    const { operator } = request;
    if (operator === null || READING.includes(request.method) || this.#written.has(request)) return;
    const now = performance.now();
    let recent = this.#refused.get(operator.id);
    if (recent === undefined || now - recent.since > MINUTE) recent = { count: 0, since: now };
    recent.count++;
    this.#refused.set(operator.id, recent);
    if (recent.count > MAX_REFUSED) return;
    const action = `${request.method} ${request.routeOptions.url ?? 'unknown address'}`;
    await this.#writeIfPossible(request, { action, target: maskedPath(request.raw), result: 'refused', code });
  }

  async #write(request: FastifyRequest, record: Omit<AuditRecord, 'actor' | 'address' | 'request'>): Promise<void> {
    if (this.#isRequired) await this.#audit.write(this.#complete(request, record));
    else await this.#writeIfPossible(request, record);
  }

  async #writeIfPossible(
    request: FastifyRequest,
    record: Omit<AuditRecord, 'actor' | 'address' | 'request'>,
  ): Promise<void> {
    try {
      await this.#audit.write(this.#complete(request, record));
    } catch (error) {
      this.#log.write('error', { err: error, action: record.action }, 'the audit log cannot be written');
    }
  }

  #complete(request: FastifyRequest, record: Omit<AuditRecord, 'actor' | 'address' | 'request'>): AuditRecord {
    const { operator } = request;
    if (operator === null) throw new TypeError('got a change without an operator');
    const { id, role, name } = operator;
    return { actor: { id, role, name }, address: addressOf(request), ...record, request: request.id };
  }
}
