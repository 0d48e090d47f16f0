// The counters of the delivery, for the metrics.

import type { UnreadLimit } from './unread-answers.js';

export interface DeliveryFigures {
  /** Number of answers since the start, by status. */
  readonly answers: ReadonlyMap<number, number>;
  /** Bytes of bodies handed to connections since the start. */
  readonly bytes: number;
  readonly waiting: number;
  readonly waitersRefused: number;
  readonly waitersAbandoned: number;
  /** Requests that were coalesced with an earlier one. */
  readonly shared: number;
  readonly slowReaders: number;
  readonly slowReadersCut: number;
  /** Bytes of memory held by unread answers. */
  readonly unreadBytes: number;
  /** Answers cut off because one address, or all together, held too much of that memory. */
  readonly unreadCut: Readonly<Record<UnreadLimit, number>>;
  /** Internal errors outside the answer to a request. */
  readonly internalErrors: number;
}
