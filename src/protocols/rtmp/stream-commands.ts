// Handles a connected peer's commands about streams: creating them, publishing, playing, and the many ways of ending.

import { SluiceError } from '../errors.js';
import type { ConnectCommand, PeerCommand, PlayCommand, PublishCommand } from './commands.js';
import { rtmpError } from './errors.js';
import type { RtmpLimits } from './limits.js';
import type { MessageTransport } from './message-transport.js';
import { CONTROL_MESSAGE_STREAM } from './message-types.js';
import { PlayCommands } from './play-commands.js';
import type { PublishState } from './publish-state.js';
import { emptyResult, fcPublished, fcSubscribed, streamCreated, streamError, streamStatus } from './server-answers.js';
import type { SessionEvent } from './session-event.js';
import type { StatusReason } from './status-codes.js';
import { canonicalStream, type StreamAddress } from './stream-name.js';

export type StreamCommand = Exclude<PeerCommand, { readonly type: 'connect' | 'stream-length' | 'other' }>;

/** The message streams of one connection (RTMP 1.0 7.2.1.3). Stream 0 belongs to the connection itself. */
class MessageStreams {
  readonly #limit: number;
  readonly #ids = new Set<number>();
  #last = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @returns an id of at least 1 that this connection has not used before, so that late media of a deleted stream is not taken for media of
   * a new one
   * @throws rtmp.message-streams
   */
  create(): number {
    if (this.#ids.size >= this.#limit) {
      throw rtmpError(
        'rtmp.message-streams',
        `got one more createStream, expected at most ${this.#limit} open streams`,
      );
    }
    this.#last += 1;
    this.#ids.add(this.#last);
    return this.#last;
  }

  delete(id: number): void {
    this.#ids.delete(id);
  }

  /**
   * Finds the stream to which a publish or play refers. Some cameras create a stream but send these commands on stream 0; they mean the one
   * that they created.
   * @returns undefined for a stream that was never created, or that was deleted
   */
  find(id: number): number | undefined {
    if (this.#ids.has(id)) return id;
    return id === CONTROL_MESSAGE_STREAM ? [...this.#ids].at(-1) : undefined;
  }
}

/** The message streams of one connected peer: its requests on them, and our answers. */
export class StreamCommands {
  readonly #connect: ConnectCommand;
  readonly #transport: MessageTransport;
  readonly #publish: PublishState;
  readonly #emit: (event: SessionEvent) => void;
  readonly #messageStreams: MessageStreams;
  readonly plays: PlayCommands;
  #hasPublished = false;

  constructor(
    connect: ConnectCommand,
    limits: RtmpLimits,
    transport: MessageTransport,
    publish: PublishState,
    emit: (event: SessionEvent) => void,
  ) {
    this.#connect = connect;
    this.#transport = transport;
    this.#publish = publish;
    this.#emit = emit;
    this.#messageStreams = new MessageStreams(limits.maxMessageStreams);
    this.plays = new PlayCommands(transport, emit);
  }

  /** @throws errors that must close the connection, after the peer has been told why. */
  handle(messageStreamId: number, command: StreamCommand): void {
    switch (command.type) {
      case 'release-stream':
        acknowledge(this.#transport, command.transactionId);
        return;
      case 'fc-publish':
        acknowledge(this.#transport, command.transactionId);
        this.#transport.answer(fcPublished());
        return;
      case 'create-stream':
        this.#transport.send(streamCreated(command.transactionId, this.#messageStreams.create()));
        return;
      case 'publish':
        // Encoders send several commands to end a publish; an earlier one has already ended it.
        if (command.name === '' && this.#hasPublished && this.#publish.stage === 'none') return;
        this.#onStream(messageStreamId, 'NetStream.Publish.BadName', (id) => this.#requestPublish(id, command));
        return;
      case 'play':
        this.#onStream(messageStreamId, 'NetStream.Play.Failed', (id) => this.#requestPlay(id, command));
        return;
      case 'pause':
      case 'seek':
      case 'receive':
        this.plays.handle(messageStreamId, command);
        return;
      case 'fc-subscribe':
        acknowledge(this.#transport, command.transactionId);
        this.#transport.answer(fcSubscribed());
        return;
      case 'fc-unsubscribe':
        acknowledge(this.#transport, command.transactionId);
        this.plays.endNamed(command.name);
        return;
      case 'fc-unpublish':
        this.#publish.end();
        return;
      case 'close-stream':
        this.#endOn(messageStreamId);
        return;
      case 'delete-stream': {
        const target = command.target ?? messageStreamId;
        this.#messageStreams.delete(target);
        this.#endOn(target);
        return;
      }
    }
  }

  /** The application accepts a `publish-request`. */
  accept(messageStreamId: number): void {
    const publish = this.#publish;
    if (publish.stage === 'live' || !publish.isOn(messageStreamId)) return;
    if (publish.stage === 'requested') {
      this.#transport.send({ type: 'user-control', event: { type: 'stream-begin', messageStreamId } });
      this.#transport.send(streamStatus(messageStreamId, 'NetStream.Publish.Start', 'Publishing has started.'));
      this.#hasPublished = true;
    }
    publish.accept();
  }

  /** Ends everything, because the connection ends. */
  end(): void {
    this.#publish.end();
    this.plays.endOn(CONTROL_MESSAGE_STREAM);
  }

  #endOn(messageStreamId: number): void {
    this.plays.endOn(messageStreamId);
    if (this.#publish.isConcernedBy(messageStreamId)) this.#publish.end();
  }

  /** Publish and play need a stream made by createStream (RTMP 1.0 7.2.2): media sent on any other would be lost. */
  #onStream(requestedId: number, refusal: StatusReason['code'], request: (messageStreamId: number) => void): void {
    const messageStreamId = this.#messageStreams.find(requestedId);
    if (messageStreamId !== undefined) {
      request(messageStreamId);
      return;
    }
    const description = `There is no message stream ${requestedId} on this connection: send createStream first.`;
    this.#transport.answer(streamError(requestedId, { code: refusal, description }));
  }

  #requestPublish(messageStreamId: number, { name, publishType }: PublishCommand): void {
    if (this.#publish.stage === 'none') {
      if (this.plays.has(messageStreamId)) {
        const description = 'This message stream plays; create another one to publish.';
        this.#transport.answer(streamError(messageStreamId, { code: 'NetStream.Publish.BadName', description }));
        return;
      }
      const address = this.#address(messageStreamId, name, 'NetStream.Publish.BadName');
      this.#publish.request(messageStreamId);
      this.#emit({ type: 'publish-request', messageStreamId, ...address, publishType });
    } else if (name === '' && this.#publish.isConcernedBy(messageStreamId)) {
      // publish(false): the connection stays open, and the encoder waits for an answer (7.2.2.6).
      this.#publish.end();
      this.#transport.answer(streamStatus(messageStreamId, 'NetStream.Unpublish.Success', 'Publishing has ended.'));
    } else {
      const description = 'This connection publishes already; open another one for another stream.';
      this.#transport.answer(streamError(messageStreamId, { code: 'NetStream.Publish.BadName', description }));
    }
  }

  #requestPlay(messageStreamId: number, command: PlayCommand): void {
    if (command.name === '' && this.plays.has(messageStreamId)) {
      // play(false): the connection stays open, and the player waits for an answer.
      this.plays.endOn(messageStreamId);
      this.#transport.answer(streamStatus(messageStreamId, 'NetStream.Play.Stop', 'Playing has stopped.'));
    } else if (this.#publish.isOn(messageStreamId)) {
      const description = 'This message stream publishes; create another one to play.';
      this.#transport.answer(streamError(messageStreamId, { code: 'NetStream.Play.Failed', description }));
    } else {
      const address = this.#address(messageStreamId, command.name, 'NetStream.Play.StreamNotFound');
      this.plays.request(messageStreamId, { command, address });
    }
  }

  /** @throws rtmp.app-name, rtmp.stream-name; first the peer is sent a status with this code */
  #address(messageStreamId: number, name: string, code: StatusReason['code']): StreamAddress {
    const { app = '', tcUrl = '' } = this.#connect;
    try {
      return canonicalStream({ app, tcUrl, name });
    } catch (error) {
      const description = error instanceof SluiceError ? error.message : 'the stream name cannot be used';
      this.#transport.send(streamError(messageStreamId, { code, description }));
      throw error;
    }
  }
}

/** A peer that sends a transaction id waits for an answer, even to an unknown command. */
export function acknowledge(transport: MessageTransport, transactionId: number): void {
  if (transactionId !== 0) transport.answer(emptyResult(transactionId));
}
