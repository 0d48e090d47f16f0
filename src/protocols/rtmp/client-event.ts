// The options and events of a client session.

import type { SluiceError } from '../errors.js';
import type { Milliseconds } from '../units.js';
import type { RandomBytes } from './handshake-digest.js';

export interface ClientSessionOptions {
  /** Default `publish`. */
  readonly role?: 'publish' | 'play';
  readonly app: string;
  readonly tcUrl: string;
  /** The stream key: a name, followed by `?key=…` if the server asks for one. */
  readonly streamName: string;
  readonly flashVer?: string;
  /** Bytes. */
  readonly chunkSize?: number;
  /** Whether to announce the codecs and capabilities of Enhanced RTMP. Default false. */
  readonly enhanced?: boolean;
  readonly randomBytes?: RandomBytes;
}

export type ClientEvent =
  /** The server has accepted the request. */
  | { readonly type: 'publishing' }
  | { readonly type: 'playing' }
  /** While playing: one message. The body is that of an FLV tag. */
  | {
      readonly type: 'media';
      readonly kind: 'audio' | 'video' | 'script';
      readonly timestamp: Milliseconds;
      readonly body: Buffer;
    }
  /** The played stream has ended; the connection is still open. */
  | { readonly type: 'ended' }
  /** The server asks for a new connection, here or at another address (Enhanced RTMP v2, "Reconnect Request"). */
  | { readonly type: 'reconnect'; readonly tcUrl: string | undefined; readonly description: string }
  /** The status code and description sent by the server; `closed` follows. */
  | { readonly type: 'rejected'; readonly code: string; readonly description: string }
  | { readonly type: 'closed'; readonly error?: SluiceError };
