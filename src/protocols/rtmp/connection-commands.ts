// Handles the commands for the connection itself: the peer's connect, our answer to it, and our request that the peer reconnect.

import { SluiceError } from '../errors.js';
import type { ConnectCommand } from './commands.js';
import { CAPS_EX } from './enhanced-capabilities.js';
import { rtmpError } from './errors.js';
import type { MessageTransport } from './message-transport.js';
import { connectFailure, connectSuccess } from './server-answers.js';
import type { ConnectedEvent } from './session-event.js';
import type { StatusReason } from './status-codes.js';
import { canonicalApp, connectQuery } from './stream-name.js';

export interface ConnectionParameters {
  /** Bytes. */
  readonly chunkSize: number;
  /** Bytes. */
  readonly windowAcknowledgementSize: number;
}

/** The NetConnection commands (RTMP 1.0 7.2.1) of one session. */
export class ConnectionCommands {
  readonly #transport: MessageTransport;
  readonly #parameters: ConnectionParameters;
  #connect: ConnectCommand | undefined;

  constructor(transport: MessageTransport, parameters: ConnectionParameters) {
    this.#transport = transport;
    this.#parameters = parameters;
  }

  /** Whether the client can be asked to reconnect (Enhanced RTMP v2, "Reconnect Request"). */
  get canReconnect(): boolean {
    return ((this.#connect?.enhanced.capsEx ?? 0) & CAPS_EX.reconnect) !== 0;
  }

  /** Takes the connect without answering it. @throws rtmp.connect, rtmp.app-name, after the peer has been told why */
  connect(command: ConnectCommand): ConnectedEvent {
    const { app, tcUrl, flashVer, enhanced } = command;
    if (this.#connect !== undefined) {
      throw this.#failed(command, rtmpError('rtmp.connect', 'got a second connect, expected one'));
    }
    if (app === undefined) {
      throw this.#failed(command, rtmpError('rtmp.connect', 'got a connect without app, expected app'));
    }
    const canonical = this.#canonicalApp(command, app);
    this.#connect = command;
    return {
      type: 'connected',
      app: canonical,
      ...(tcUrl !== undefined && { tcUrl }),
      query: connectQuery(app, tcUrl),
      ...(flashVer !== undefined && { flashVer }),
      enhanced,
    };
  }

  /**
   * Answers the connect with success. Sends the messages in the order that hardware encoders need: the chunk size comes before the first
   * message that is longer than the default chunk size.
   */
  accept(): void {
    if (this.#connect === undefined) return;
    const { chunkSize, windowAcknowledgementSize: windowSize } = this.#parameters;
    this.#transport.send({ type: 'window-acknowledgement-size', windowSize });
    this.#transport.send({ type: 'set-peer-bandwidth', windowSize, limitType: 'dynamic' });
    this.#transport.send({ type: 'set-chunk-size', chunkSize });
    this.#transport.send(connectSuccess(this.#connect));
  }

  /** Answers the connect with an error. */
  refuse(reason: StatusReason): void {
    if (this.#connect !== undefined) this.#transport.send(connectFailure(this.#connect.transactionId, reason));
  }

  #canonicalApp(command: ConnectCommand, app: string): string {
    try {
      return canonicalApp(app);
    } catch (error) {
      throw error instanceof SluiceError ? this.#failed(command, error) : error;
    }
  }

  #failed({ transactionId }: ConnectCommand, error: SluiceError): SluiceError {
    const code = error.code === 'rtmp.app-name' ? 'NetConnection.Connect.InvalidApp' : 'NetConnection.Connect.Rejected';
    this.#transport.send(connectFailure(transactionId, { code, description: error.message }));
    return error;
  }
}
