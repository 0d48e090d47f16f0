// The options of one target for one stream.

import type { Socket } from 'node:net';
import type { Logger } from '../contracts/logger.js';
import type { PushRunState } from '../contracts/relay.js';
import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { RtmpUrl } from './rtmp-url.js';
import type { QueueLimits } from './send-queue.js';
import type { RelayedStreams, RelayTag } from './stream-source.js';
import type { TlsTrust } from './tls-trust.js';

export interface PushRunOptions {
  readonly id: string;
  readonly app: string;
  readonly name: string;
  readonly url: RtmpUrl;
  readonly trust: TlsTrust;
  readonly codecs: readonly string[];
  readonly streams: Pick<RelayedStreams, 'open'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: QueueLimits;
  readonly random?: () => number;
  /** Whether this socket leads back to this gateway. */
  readonly isOwn: (socket: Socket) => boolean;
  /** Called before each attempt. @returns an error if there must be no connection now */
  readonly mayConnect: () => SluiceError | undefined;
  /** Called when the server requests a reconnect to another URL. @returns the URL to use; undefined to stay */
  readonly move: (tcUrl: string) => RtmpUrl | undefined;
  /** Called with every message of the stream before it is sent. */
  readonly onTag: (tag: RelayTag) => void;
  readonly warnings: () => readonly string[];
  readonly onState: (state: PushRunState) => void;
  /**
   * Called once, when the stream has ended or the run was stopped, and the connection is closed.
   * @param broken whether a bug in the gateway ended it
   */
  readonly onClosed: (broken: boolean) => void;
}
