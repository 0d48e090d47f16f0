// The player commands of a connection: plays are requested, answered, paused, switched and ended, each on its own message stream.

import { assertNever } from '../errors.js';
import type { Milliseconds } from '../units.js';
import type { PeerCommand, PlayCommand } from './commands.js';
import type { MediaBody } from './media-chunks.js';
import type { MessageTransport } from './message-transport.js';
import { CONTROL_MESSAGE_STREAM, OUTGOING_MEDIA } from './message-types.js';
import { PlayState } from './play-state.js';
import { sampleAccess, streamError, streamStatus } from './server-answers.js';
import type { SessionEvent } from './session-event.js';
import type { StatusReason } from './status-codes.js';
import type { StreamAddress } from './stream-name.js';

export type MediaKind = 'audio' | 'video' | 'script';

export type PlayerCommand = Extract<PeerCommand, { readonly type: 'pause' | 'seek' | 'receive' }>;

interface PlayRequest {
  readonly command: PlayCommand;
  readonly address: StreamAddress;
}

export class PlayCommands {
  readonly #transport: MessageTransport;
  readonly #emit: (event: SessionEvent) => void;
  readonly #plays = new Map<number, PlayState>();
  /** Newer play requests that arrived before the application answered the previous one, by message stream. */
  readonly #next = new Map<number, PlayRequest>();

  constructor(transport: MessageTransport, emit: (event: SessionEvent) => void) {
    this.#transport = transport;
    this.#emit = emit;
  }

  get isPlaying(): boolean {
    for (const { stage } of this.#plays.values()) if (stage === 'playing') return true;
    return false;
  }

  /** Whether this message stream is playing, or waiting for an answer. */
  has(messageStreamId: number): boolean {
    return this.#plays.has(messageStreamId);
  }

  /** 7.2.2.1. Ends what was played on this message stream before. */
  request(messageStreamId: number, request: PlayRequest): void {
    this.endOn(messageStreamId);
    if (this.#plays.has(messageStreamId)) {
      // The application has not answered the withdrawn request yet, and is asked only one question at a time.
      this.#next.set(messageStreamId, request);
      return;
    }
    const { command, address } = request;
    const { start, duration, reset } = command;
    this.#plays.set(messageStreamId, new PlayState(messageStreamId, command.name, reset));
    this.#emit({ type: 'play-request', messageStreamId, ...address, start, duration, reset });
  }

  accept(messageStreamId: number): void {
    const play = this.#plays.get(messageStreamId);
    if (play?.stage === 'withdrawn') {
      this.#plays.delete(messageStreamId);
      this.#emit({ type: 'stop-play', messageStreamId });
      this.#requestNext(messageStreamId);
    } else if (play?.stage === 'requested') {
      play.start();
      const transport = this.#transport;
      transport.send({ type: 'user-control', event: { type: 'stream-begin', messageStreamId } });
      if (play.reset) {
        transport.send(streamStatus(messageStreamId, 'NetStream.Play.Reset', 'Playing and resetting.'));
      }
      transport.send(streamStatus(messageStreamId, 'NetStream.Play.Start', 'Playing has started.'));
      transport.send(sampleAccess(messageStreamId));
    }
  }

  /** The application has rejected a request. The connection stays open. */
  reject(messageStreamId: number, reason: StatusReason): void {
    const play = this.#plays.get(messageStreamId);
    if (play?.stage !== 'requested' && play?.stage !== 'withdrawn') return;
    this.#plays.delete(messageStreamId);
    if (play.stage === 'requested') this.#transport.send(streamError(messageStreamId, reason));
    this.#requestNext(messageStreamId);
  }

  /**
   * @returns whether the message was sent. It is not sent outside an accepted play, nor if the player has switched off this kind of media
   */
  send(messageStreamId: number, kind: MediaKind, timestamp: Milliseconds, body: MediaBody): boolean {
    const play = this.#plays.get(messageStreamId);
    if (play?.stage !== 'playing') return false;
    const head = Buffer.isBuffer(body) ? body : (body as readonly Buffer[])[0];
    if (head === undefined || head.length === 0 || !play.passes(kind, head)) return false;
    this.#transport.sendShared(OUTGOING_MEDIA[kind], messageStreamId, timestamp >>> 0, body);
    return true;
  }

  /** The stream has ended. Sends Stream EOF (7.1.7) and UnpublishNotify, because some players understand only one of them. */
  finish(messageStreamId: number): void {
    if (this.#plays.get(messageStreamId)?.stage !== 'playing') return;
    this.#transport.send({ type: 'user-control', event: { type: 'stream-eof', messageStreamId } });
    this.#transport.send(streamStatus(messageStreamId, 'NetStream.Play.UnpublishNotify', 'The stream has ended.'));
    this.endOn(messageStreamId);
  }

  handle(messageStreamId: number, command: PlayerCommand): void {
    for (const play of this.#playing(messageStreamId)) this.#control(play, command);
  }

  /** Ends the play on this message stream at the peer's request; 0 means all of them. */
  endOn(messageStreamId: number): void {
    const ids = messageStreamId === CONTROL_MESSAGE_STREAM ? [...this.#plays.keys()] : [messageStreamId];
    for (const id of ids) this.#end(id);
  }

  /**
   * Ends the play of this stream at the peer's request.
   * @param streamName the name as it was in `play`
   */
  endNamed(streamName: string): void {
    for (const play of [...this.#plays.values()]) if (play.streamName === streamName) this.#end(play.messageStreamId);
  }

  #end(messageStreamId: number): void {
    const play = this.#plays.get(messageStreamId);
    this.#next.delete(messageStreamId);
    if (play?.stage === 'requested') play.withdraw();
    else if (play?.stage === 'playing') {
      play.end();
      this.#plays.delete(messageStreamId);
      this.#emit({ type: 'stop-play', messageStreamId });
    }
  }

  #requestNext(messageStreamId: number): void {
    const next = this.#next.get(messageStreamId);
    this.#next.delete(messageStreamId);
    if (next !== undefined) this.request(messageStreamId, next);
  }

  #playing(messageStreamId: number): PlayState[] {
    return [...this.#plays.values()].filter(
      (play) =>
        play.stage === 'playing' &&
        (messageStreamId === CONTROL_MESSAGE_STREAM || play.messageStreamId === messageStreamId),
    );
  }

  #control(play: PlayState, command: PlayerCommand): void {
    const { messageStreamId } = play;
    switch (command.type) {
      case 'pause': {
        const { paused, position } = command;
        play.paused = paused;
        this.#notify(play, paused ? 'NetStream.Pause.Notify' : 'NetStream.Unpause.Notify', 'The stream is live.');
        this.#emit({ type: 'pause', messageStreamId, paused, position });
        return;
      }
      case 'seek':
        // FFmpeg shows nothing until its seek is confirmed. A live stream stays at its position.
        this.#notify(play, 'NetStream.Seek.Notify', 'The stream is live and goes on where it is.');
        return;
      case 'receive':
        if (command.kind === 'audio') play.wantsAudio = command.wanted;
        else play.wantsVideo = command.wanted;
        if (command.wanted) {
          // 7.2.2.4: "If the flag is true, the server responds" with these two messages.
          this.#notify(play, 'NetStream.Seek.Notify', 'The stream is live.');
          this.#notify(play, 'NetStream.Play.Start', 'Playing has started.');
        }
        return;
      default:
        assertNever(command);
    }
  }

  #notify({ messageStreamId }: PlayState, code: string, description: string): void {
    this.#transport.answer(streamStatus(messageStreamId, code, description));
  }
}
