// Notifies the back end of the end of each grant that it has allowed, even if the back end is down at that moment, or this process is killed.

import type { GrantUse } from '../../contracts/grant.js';
import type { EpochMilliseconds } from '../../protocols/units.js';
import type { Question } from '../policy/question.js';
import { fieldsOf } from './webhook-fields.js';

export interface ClosingCall {
  /** The same for each attempt. */
  readonly id: string;
  readonly lane: string;
  readonly at: EpochMilliseconds;
  readonly body: string;
}

/** Delivers calls at least once. They outlive this process. */
export interface ClosingCalls {
  /** Stores a call. If this process is killed before it pushes or withdraws the call, the next process sends it. Never rejects. */
  promise(call: ClosingCall): Promise<void>;
  push(call: ClosingCall): void;
  withdraw(id: string): void;
}

export interface ClosedGrant {
  readonly grantId: string;
  /** Id in the request whose verdict allowed the grant. A cached verdict may allow several grants. */
  readonly opening: string | undefined;
  readonly since: EpochMilliseconds;
}

export interface PreparedClosing {
  readonly ifKilled: ClosingCall;
  ended(now: EpochMilliseconds, use: GrantUse): ClosingCall;
}

/** Without the credentials. */
export function closingCall(question: Question, { grantId, opening, since }: ClosedGrant): PreparedClosing {
  const fields = { ...fieldsOf(question), password: '', token: '', query: '', grantId, opening, status: 'closing' };
  const call = (at: EpochMilliseconds, end: object): ClosingCall => ({
    id: `msg_${grantId}`,
    lane: grantId,
    at,
    body: JSON.stringify({ ...fields, ...end }),
  });
  return {
    ifKilled: call(since, { reason: 'gateway.killed' }),
    ended: (now, { bytes, reason }) => call(now, { duration: (now - since) / 1000, bytes, reason: reason?.code }),
  };
}
