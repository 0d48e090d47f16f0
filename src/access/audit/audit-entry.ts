// One line of the audit log: who asked for which change, from where, and what happened. Each line contains the hash of the previous line,
// so that a changed, removed or inserted line is detected.

import { createHash } from 'node:crypto';
import type { OperatorRole } from '../../contracts/operators.js';

/** Type of the values of `before`, `after` and `target`. They are never secret. */
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
  /** IP address of the operator; undefined for a command. */
  readonly address?: string | undefined;
  /** The kind of change, such as `token.add` or `publisher.end`. */
  readonly action: string;
  /** The object of the change, such as `live/cam` or an id. */
  readonly target?: string | undefined;
  readonly before?: AuditValue | undefined;
  readonly after?: AuditValue | undefined;
  /** `accepted` is written before the change is made. If the change then fails, a line with `failed` follows. */
  readonly result: 'accepted' | 'refused' | 'failed';
  /** Error code of a change that was refused or failed. */
  readonly code?: string | undefined;
  /** Id of the request in the log of the gateway. */
  readonly request?: string | undefined;
}

export interface AuditEntry extends AuditRecord {
  /** Line number over all files, from 1. */
  readonly seq: number;
  /** ISO 8601. */
  readonly time: string;
  /** SHA-256 of the previous line in hexadecimal. In the first line it is 64 zeros. */
  readonly prev: string;
}

export const FIRST_PREV = '0'.repeat(64);

/** Without the line feed. `seq` and `time` come first and `prev` last, where a reader finds them without parsing the rest. */
export function auditLine(record: AuditRecord, { seq, time, prev }: Pick<AuditEntry, 'seq' | 'time' | 'prev'>): string {
  return JSON.stringify({ seq, time, ...record, prev });
}

const HEAD = /^\{"seq":(\d{1,15}),"time":"([0-9TZ:.+-]{10,35})",/;
const TAIL = /,"prev":"([0-9a-f]{64})"\}$/;

/** The place of a line in the chain. Undefined if the text is not a complete line of an audit log. */
export function placeOfLine(line: string): Pick<AuditEntry, 'seq' | 'time' | 'prev'> | undefined {
  const [, seq, time] = HEAD.exec(line) ?? [];
  const prev = TAIL.exec(line)?.[1];
  if (seq === undefined || time === undefined || prev === undefined) return undefined;
  return { seq: Number(seq), time, prev };
}

export function hashOfLine(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}
