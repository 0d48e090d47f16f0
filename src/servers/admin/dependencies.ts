// What the management API needs from the rest of the program.

import type { AuditLog } from '../../access/audit/audit-log.js';
import type { OperatorTokens } from '../../access/operators/operator-tokens.js';
import type { NewKey } from '../../access/publishers/change-publishers.js';
import type { PublishScope, StoredPublishers } from '../../access/publishers/publisher-file.js';
import type { GrantControl } from '../../contracts/grant.js';
import type { RecordingControl } from '../../contracts/recordings.js';
import type { PullSourceState, PushControl } from '../../contracts/relay.js';
import type { EventControl } from '../../contracts/timed-event.js';
import type { EpochMilliseconds, Milliseconds } from '../../protocols/units.js';
import type { Health, StreamDirectory } from '../http/dependencies.js';
import type { MetricsPage } from '../http/metrics/figures.js';

/** An option of the configuration and its current value. */
export interface ShownOption {
  readonly key: string;
  /** Undefined if it is not set. `[redacted]` stands for a secret. */
  readonly value?: unknown;
}

/** Keys and users of the state directory. All reject with `access.publishers` if their file cannot be used. */
export interface PublisherStore {
  list(): Promise<StoredPublishers>;
  addKey(scope: PublishScope, expiresAt: EpochMilliseconds | undefined): Promise<NewKey>;
  /** @returns undefined if there is no such key, or if it is revoked */
  rotateKey(id: string, grace: Milliseconds): Promise<NewKey | undefined>;
  /** @returns false if there is no such key */
  revokeKey(id: string, keepRunning: boolean): Promise<boolean>;
  /** @returns false if there is no such user */
  removeUser(user: string): Promise<boolean>;
}

export interface AdminDependencies {
  /** Version of the gateway. */
  readonly version: string;
  readonly health: Health;
  readonly streams: StreamDirectory;
  readonly grants: GrantControl;
  /** Revokes the session of a play token, so that it stays refused after a restart. @throws {SluiceError} `access.revocations` */
  readonly revokeSession: (session: { readonly sid: string; readonly until: number }) => Promise<void>;
  readonly recordings: RecordingControl;
  readonly targets: PushControl;
  /** Streams that are pulled from other servers. */
  readonly sources: () => readonly PullSourceState[];
  readonly events: EventControl;
  readonly publishers: PublisherStore;
  readonly operators: Pick<OperatorTokens, 'check' | 'list' | 'add' | 'revoke'>;
  readonly audit: Pick<AuditLog, 'write' | 'read'>;
  /** Whether a change is refused if it cannot be written to the audit log. Default true. */
  readonly auditRequired?: boolean | undefined;
  readonly configuration: () => readonly ShownOption[];
  /** The metrics of the HTTP server; undefined if there are none. */
  readonly metrics: () => MetricsPage | undefined;
  readonly wallClock: () => EpochMilliseconds;
  /** Host names of this listener, in addition to `localhost` and IP addresses. */
  readonly hosts?: readonly string[] | undefined;
  /** Origins of pages that may use the API. Default none. */
  readonly origins?: readonly string[] | undefined;
}
