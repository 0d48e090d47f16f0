// One line of the audit log: who asked for which change, from where, and what became of it. Each line holds the hash of the one before, so
// that a line that is changed, removed or put in between is found.

import { createHash } from 'node:crypto';
import type { OperatorRole } from '../../contracts/operators.js';

/** What a value of `before`, `after` and `target` may be. Never a secret. */
export type AuditValue =
  | string
  | number
  | boolean
  | null
  | readonly AuditValue[]
  | { readonly [field: string]: AuditValue };

export interface AuditActor {
  /** Id of the operator's token; `command` for a command on this machine. */
  readonly id: string;
  readonly role: OperatorRole | 'command';
  readonly name?: string;
}

export interface AuditRecord {
  readonly actor: AuditActor;
  /** IP address of who asked; undefined for a command. */
  readonly address?: string | undefined;
  /** `token.add`, `publisher.end`: what was asked for. */
  readonly action: string;
  /** What it was asked for: `live/cam`, or an id. */
  readonly target?: string | undefined;
  readonly before?: AuditValue | undefined;
  readonly after?: AuditValue | undefined;
  /** `accepted` is written before the change is made; `failed` follows if it then could not be made. */
  readonly result: 'accepted' | 'refused' | 'failed';
  /** Code of the error of a change that was refused or failed. */
  readonly code?: string | undefined;
  /** Id of the request in the log of the gateway. */
  readonly request?: string | undefined;
}

export interface AuditEntry extends AuditRecord {
  /** From 1, one more for each line, over all files. */
  readonly seq: number;
  /** ISO 8601. */
  readonly time: string;
  /** Hash of the line before: SHA-256 in hexadecimal; that of the first line is 64 zeros. */
  readonly prev: string;
}

export const FIRST_PREV = '0'.repeat(64);

/** Without the line feed. `seq` and `time` come first and `prev` last, where a reader finds them without parsing the rest. */
export function auditLine(record: AuditRecord, { seq, time, prev }: Pick<AuditEntry, 'seq' | 'time' | 'prev'>): string {
  return JSON.stringify({ seq, time, ...record, prev });
}

const HEAD = /^\{"seq":(\d{1,15}),"time":"([0-9TZ:.+-]{10,35})",/;
const TAIL = /,"prev":"([0-9a-f]{64})"\}$/;

/** The place of a line in the chain; undefined if it is no line of an audit log, or was not written to its end. */
export function placeOfLine(line: string): Pick<AuditEntry, 'seq' | 'time' | 'prev'> | undefined {
  const [, seq, time] = HEAD.exec(line) ?? [];
  const prev = TAIL.exec(line)?.[1];
  if (seq === undefined || time === undefined || prev === undefined) return undefined;
  return { seq: Number(seq), time, prev };
}

export function hashOfLine(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}
