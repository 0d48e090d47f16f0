// Push targets as servers show them and operators change them.

import type { BitsPerSecond, EpochMilliseconds, Milliseconds } from '../protocols/units.js';

/**
 * - `idle`: nobody publishes a stream of this target, or the publisher is away and the connection is kept for its return.
 * - `connecting`: the server has not answered yet.
 * - `publishing`: the server has accepted the stream and takes bytes.
 * - `backoff`: the connection failed; the next attempt follows soon.
 * - `failed`: the server has refused the stream, or does not support its codec; retried every minute.
 * - `stopped`: by an operator.
 */
export type PushState = 'idle' | 'connecting' | 'publishing' | 'backoff' | 'failed' | 'stopped';

/** The state of a target for one stream. */
export interface PushRunState {
  readonly app: string;
  readonly name: string;
  readonly state: PushState;
  /** When the state began. */
  readonly since: EpochMilliseconds;
  /** Connection attempts since a connection last stayed open for a minute. */
  readonly attempts: number;
  readonly nextAttempt?: EpochMilliseconds | undefined;
  /** Without secrets, even if the server's text repeats them. */
  readonly lastError?:
    | { readonly code: string; readonly message: string; readonly time: EpochMilliseconds }
    | undefined;
  /** Bytes that left the socket, over all connections. */
  readonly bytes: number;
  readonly bitrate: BitsPerSecond;
  /** For how long the oldest queued message has been waiting. */
  readonly queue: Milliseconds;
  readonly queuedBytes: number;
  /** Frames that were dropped because the server took them too slowly or was away. */
  readonly dropped: number;
  readonly remoteAddress?: string | undefined;
  /** Properties of the stream that the platform advises against. The stream is sent anyway. */
  readonly warnings: readonly string[];
}

export interface PushTargetState {
  readonly id: string;
  readonly title?: string | undefined;
  /** `APP/NAME`, where `*` stands for any characters but `/`. */
  readonly stream: string;
  /** Without key, query and user: `rtmp://host/app/•••`. */
  readonly url: string;
  readonly preset?: string | undefined;
  /** Whether it is in the configuration file, and can only be changed there. */
  readonly configured: boolean;
  /** The state of its stream; if there are several, the most urgent one. */
  readonly state: PushState;
  readonly runs: readonly PushRunState[];
}

/** The fields of a target that an operator can set. */
export interface PushTargetChange {
  readonly title?: string | undefined;
  readonly stream?: string | undefined;
  /** Secret, because it contains the key. */
  readonly url?: string | undefined;
  readonly preset?: string | undefined;
  /** Codecs that the server accepts although it does not announce them. */
  readonly codecs?: readonly string[] | undefined;
  /** Certificates to trust instead of those of the system, as PEM. */
  readonly ca?: string | undefined;
  /** SHA-256 of the server's certificate, in hexadecimal; if set, only this is checked. */
  readonly fingerprint?: string | undefined;
}

export interface NewPushTarget extends PushTargetChange {
  readonly stream: string;
  readonly url: string;
}

/** What operators may do with push targets. */
export interface PushControl {
  list(): readonly PushTargetState[];
  find(id: string): PushTargetState | undefined;
  /** @throws {SluiceError} `relay.url`, `relay.host`, `relay.target-limit`, `relay.targets` */
  add(target: NewPushTarget): Promise<PushTargetState>;
  /** @throws {SluiceError} like `add`, and `relay.no-such-target`, `relay.configured` */
  change(id: string, change: PushTargetChange): Promise<PushTargetState>;
  /** Connects at once, even if the target is waiting for its next attempt. @throws {SluiceError} `relay.no-such-target`, `relay.targets` */
  start(id: string): Promise<PushTargetState>;
  /** @throws like `start` */
  stop(id: string): Promise<PushTargetState>;
  /** @throws {SluiceError} `relay.no-such-target`, `relay.configured`, `relay.targets` */
  remove(id: string): Promise<void>;
}

/** `failed` after an internal error; the others as in `PushState`. */
export type PullState = 'idle' | 'connecting' | 'pulling' | 'backoff' | 'failed';

/** A stream that is pulled from another server. */
export interface PullSourceState {
  readonly app: string;
  readonly name: string;
  /** The URL in use, without its secrets. */
  readonly url: string;
  readonly onDemand: boolean;
  readonly state: PullState;
  readonly since: EpochMilliseconds;
  /** Bytes of media received. */
  readonly bytes: number;
  readonly lastError?:
    | { readonly code: string; readonly message: string; readonly time: EpochMilliseconds }
    | undefined;
  readonly remoteAddress?: string | undefined;
}
