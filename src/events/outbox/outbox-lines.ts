// The lines of an outbox file: a message that is promised, a message to send, and the end of either.

import type { EpochMilliseconds } from '../../protocols/units.js';

export interface OutboxMessage {
  /** Shows the receiver that a message was sent before. */
  readonly id: string;
  /** Messages of one lane are delivered one after another, in the order in which they were pushed. */
  readonly lane: string;
  readonly at: EpochMilliseconds;
  readonly body: string;
}

export type OutboxLine =
  | { readonly type: 'promised' | 'due'; readonly message: OutboxMessage }
  | { readonly type: 'over'; readonly id: string };

export function writeLine(line: OutboxLine): string {
  return line.type === 'over' ? JSON.stringify({ over: line.id }) : JSON.stringify({ [line.type]: line.message });
}

/** @returns undefined if this is not such a line */
export function readLine(text: string): OutboxLine | undefined {
  const line = parsed(text);
  if (!isRecord(line)) return undefined;
  const { promised, due, over } = line;
  if (isMessage(promised)) return { type: 'promised', message: promised };
  if (isMessage(due)) return { type: 'due', message: due };
  return typeof over === 'string' ? { type: 'over', id: over } : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

function isMessage(value: unknown): value is OutboxMessage {
  if (!isRecord(value)) return false;
  const { id, lane, at, body } = value;
  return typeof id === 'string' && typeof lane === 'string' && Number.isSafeInteger(at) && typeof body === 'string';
}
