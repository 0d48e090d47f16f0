// One play from request to end. It knows which messages the player wants at the moment: players pause, and switch tracks off and on.

import { StateMachine } from '../state-machine.js';
import { isKeyFrame, isSequenceHeader } from './media-head.js';

/**
 * - `requested`: the application has not answered.
 * - `withdrawn`: the peer ended the play before the application answered; the answer is still to come.
 * - `playing`: accepted.
 * - `ended`: no more messages are sent.
 */
type PlayStage = 'requested' | 'withdrawn' | 'playing' | 'ended';

export class PlayState {
  readonly messageStreamId: number;
  /** As the peer sent it, including the query, which holds a secret. */
  readonly streamName: string;
  /** 7.2.2.1: whether to flush what was played before on this message stream. */
  readonly reset: boolean;
  readonly #stage = new StateMachine<PlayStage>('play', 'requested', {
    requested: ['withdrawn', 'playing', 'ended'],
    withdrawn: ['ended'],
    playing: ['ended'],
    ended: [],
  });
  #paused = false;
  #wantsAudio = true;
  #wantsVideo = true;
  /** Whether frames were skipped. Frames before the next key frame would refer to them, and cannot be decoded. */
  #awaitsKeyFrame = false;
  /**
   * Decides whether audio must wait for a key frame after a pause: audio over a frozen picture would be wrong, but a stream may have no
   * video.
   */
  #hasVideo = false;

  constructor(messageStreamId: number, streamName: string, reset: boolean) {
    this.messageStreamId = messageStreamId;
    this.streamName = streamName;
    this.reset = reset;
  }

  get stage(): PlayStage {
    return this.#stage.state;
  }

  start(): void {
    this.#stage.to('playing');
  }

  withdraw(): void {
    this.#stage.to('withdrawn');
  }

  end(): void {
    this.#stage.to('ended');
  }

  set paused(paused: boolean) {
    if (this.#paused && !paused) this.#awaitsKeyFrame = this.#hasVideo && this.#wantsVideo;
    this.#paused = paused;
  }

  /** 7.2.2.4 */
  set wantsAudio(wanted: boolean) {
    this.#wantsAudio = wanted;
  }

  /** 7.2.2.5 */
  set wantsVideo(wanted: boolean) {
    if (!this.#wantsVideo && wanted) this.#awaitsKeyFrame = true;
    if (!wanted) this.#awaitsKeyFrame = false;
    this.#wantsVideo = wanted;
  }

  /**
   * Whether to send this message now. Sequence headers and metadata are always sent: they are small, and frames after a pause need those
   * that were sent during the pause.
   */
  passes(kind: 'audio' | 'video' | 'script', head: Buffer | undefined): boolean {
    if (kind === 'script' || head === undefined || isSequenceHeader(kind, head)) return true;
    if (kind === 'video') this.#hasVideo = true;
    if (this.#paused) return false;
    if (kind === 'audio') return this.#wantsAudio && !(this.#awaitsKeyFrame && this.#wantsVideo);
    if (!this.#wantsVideo) return false;
    if (this.#awaitsKeyFrame && !isKeyFrame(head)) return false;
    this.#awaitsKeyFrame = false;
    return true;
  }
}
