// Push targets as servers show them and operators change them.

import type { BitsPerSecond, EpochMilliseconds, Milliseconds } from '../protocols/units.js';

/**
 * - `idle`: nobody publishes a stream of this target, or the publisher is away and the connection is kept for its return.
 * - `connecting`: there is no answer yet.
 * - `publishing`: the server has accepted the stream and takes bytes.
 * - `backoff`: the connection failed; the next attempt follows soon.
 * - `failed`: the server has refused, or does not take the codec; tried again every minute.
 * - `stopped`: by an operator.
 */
export type PushState = 'idle' | 'connecting' | 'publishing' | 'backoff' | 'failed' | 'stopped';

/** What a target does for one stream. */
export interface PushRunState {
  readonly app: string;
  readonly name: string;
  readonly state: PushState;
  /** When the state began. */
  readonly since: EpochMilliseconds;
  /** Attempts to connect since the last success of a minute. */
  readonly attempts: number;
  readonly nextAttempt?: EpochMilliseconds | undefined;
  /** Without secrets, also where the server repeated them. */
  readonly lastError?:
    | { readonly code: string; readonly message: string; readonly time: EpochMilliseconds }
    | undefined;
  /** Bytes that left the socket, over all connections. */
  readonly bytes: number;
  readonly bitrate: BitsPerSecond;
  /** For how long the oldest message waits to be sent. */
  readonly queue: Milliseconds;
  readonly queuedBytes: number;
  /** Frames that were dropped because the server took them too slowly or was away. */
  readonly dropped: number;
  readonly remoteAddress?: string | undefined;
  /** What the platform advises against; nothing is refused for it. */
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
  /** Whether it is in the configuration file, where alone it can be changed. */
  readonly configured: boolean;
  /** The state of its stream; of several, the one that needs attention most. */
  readonly state: PushState;
  readonly runs: readonly PushRunState[];
}

/** What an operator says about a target. */
export interface PushTargetChange {
  readonly title?: string | undefined;
  readonly stream?: string | undefined;
  /** With the key: secret. */
  readonly url?: string | undefined;
  readonly preset?: string | undefined;
  /** Codecs that the server takes although it does not announce them. */
  readonly codecs?: readonly string[] | undefined;
  /** Certificates to trust instead of those of the system, as PEM. */
  readonly ca?: string | undefined;
  /** SHA-256 of the server's certificate, in hexadecimal; then nothing else of it is checked. */
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
  /** Connects at once, also if it waits for its next attempt. @throws {SluiceError} `relay.no-such-target`, `relay.targets` */
  start(id: string): Promise<PushTargetState>;
  /** @throws like `start` */
  stop(id: string): Promise<PushTargetState>;
  /** @throws {SluiceError} `relay.no-such-target`, `relay.configured`, `relay.targets` */
  remove(id: string): Promise<void>;
}
