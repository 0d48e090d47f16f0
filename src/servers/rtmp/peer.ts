// The shared parts of a connection: publishing and playing use the same session, socket and log.

import type { PlayAccess, PublishAccess } from '../../contracts/access.js';
import type { Logger } from '../../contracts/logger.js';
import type { SluiceError } from '../../protocols/errors.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { ServerSession } from '../../protocols/rtmp/server-session.js';
import type { ConnectionLog } from './connection-log.js';
import type { RtmpCounters } from './counters.js';
import type { Deadline } from './deadline.js';
import type { LogLimiter } from './log-limiter.js';
import type { RtmpServerOptions } from './options.js';
import type { PlayAdmission } from './playing.js';
import type { PublishAdmission, PublishObserver } from './publishing.js';
import type { ReadMemory, SessionPump, Turns } from './session-pump.js';

/** The things that all connections of a server share. */
export interface ConnectionContext {
  readonly options: RtmpServerOptions;
  readonly access: PublishAccess;
  readonly admission: PublishAdmission;
  readonly observer?: PublishObserver | undefined;
  /** If it is missing, nobody can watch over RTMP. */
  readonly play?: { readonly access: PlayAccess; readonly admission: PlayAdmission } | undefined;
  readonly logger: Logger;
  readonly limiter: LogLimiter;
  readonly counters: RtmpCounters;
  readonly turns: Turns;
  readonly readMemory: ReadMemory;
}

export interface Peer {
  /** Runs everything for this connection; a failure in it ends the connection. */
  readonly domain: FailureDomain;
  /** IP address. */
  readonly remoteAddress: string;
  readonly context: ConnectionContext;
  readonly session: ServerSession;
  readonly log: ConnectionLog;
  /** Call `pump.run` after an answer to continue. */
  readonly pump: SessionPump;
  /** Deadline for the next step of the peer, and for a decision about it. */
  readonly nextStep: Deadline;
  /** Whether nothing more is sent or received. */
  readonly finished: boolean;
  /** Bytes that the socket has not sent yet. */
  readonly unsentBytes: number;
  /** Handles the last events of a session that is over. */
  drain(): void;
  /** Writes the pending output of the session. */
  flush(): void;
  /** Ends the connection for a reason of the server. */
  expire(error: SluiceError): void;
  /** Counts and logs why the connection ends. */
  fail(error: SluiceError): void;
  /** Starts the deadline for a publish or play request. */
  awaitRequest(): void;
}
