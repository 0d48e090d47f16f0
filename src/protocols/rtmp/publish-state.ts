// The publish of one connection, from request to end. Media that arrives before the answer is queued here, because authorization may take
// time.

import { StateMachine } from '../state-machine.js';
import type { RtmpLimits } from './limits.js';
import { isKeyFrame } from './media-head.js';
import { CONTROL_MESSAGE_STREAM } from './message-types.js';
import type { DataMessage, MediaMessage } from './messages.js';
import { scriptBody } from './metadata.js';
import type { MediaEvent, SessionEvent } from './session-event.js';

/** For each queued message this many bytes count in addition to its body, so that a flood of 1-byte messages reaches the limit. */
const WAITING_MESSAGE_OVERHEAD = 128;

/**
 * - `none`: nothing is published.
 * - `requested`: the application has not answered.
 * - `withdrawn`: the peer ended the publish before the application answered; the answer is still to come.
 * - `live`: accepted.
 */
export type PublishStage = 'none' | 'requested' | 'withdrawn' | 'live';

export class PublishState {
  readonly #limits: RtmpLimits;
  readonly #emit: (event: SessionEvent) => void;
  readonly #stage = new StateMachine<PublishStage>('publish', 'none', {
    none: ['requested'],
    requested: ['withdrawn', 'live'],
    withdrawn: ['none'],
    live: ['none'],
  });
  #messageStreamId = CONTROL_MESSAGE_STREAM;
  #waiting: MediaEvent[] = [];
  #waitingBytes = 0;
  /** Whether a message was dropped. Frames before the next key frame may refer to it, and are dropped as well. */
  #awaitsKeyFrame = false;

  constructor(limits: RtmpLimits, emit: (event: SessionEvent) => void) {
    this.#limits = limits;
    this.#emit = emit;
  }

  get stage(): PublishStage {
    return this.#stage.state;
  }

  /** Whether this message stream publishes, or waits for the answer to its request. */
  isOn(messageStreamId: number): boolean {
    return this.stage !== 'none' && messageStreamId === this.#messageStreamId;
  }

  /** Whether there is a publish to which a command on this message stream refers. */
  isConcernedBy(messageStreamId: number): boolean {
    return this.stage !== 'none' && this.#concerns(messageStreamId);
  }

  /** The peer requests to publish on this message stream. */
  request(messageStreamId: number): void {
    this.#stage.to('requested');
    this.#messageStreamId = messageStreamId;
    this.#waitingBytes = 0;
    this.#awaitsKeyFrame = false;
  }

  /**
   * The application has accepted the publish: passes on the media that was queued. If the publish was withdrawn in the meantime, it ends
   * instead.
   */
  accept(): void {
    if (this.#stage.is('withdrawn')) {
      this.#finish();
      return;
    }
    this.#stage.to('live');
    const waited = this.#waiting;
    this.#waiting = [];
    for (const event of waited) this.#emit(event);
  }

  /** Ends the publish, if there is one, in any stage. */
  end(): void {
    this.#waiting = [];
    if (this.#stage.is('live')) this.#finish();
    else if (this.#stage.is('requested')) this.#stage.to('withdrawn');
  }

  /** Passes media on, queues it until the publish is answered, or drops it if it belongs to no publish. */
  media(message: MediaMessage | DataMessage): void {
    const stage = this.#stage.state;
    if (stage === 'none' || !this.#concerns(message.messageStreamId)) return;
    const body = message.type === 'data' ? scriptBody(message.body, this.#limits.amf) : message.body;
    if (body === undefined) return;
    const kind = message.type === 'data' ? 'script' : message.type;
    const { timestamp } = message;
    const event: MediaEvent = { type: 'media', messageStreamId: this.#messageStreamId, kind, timestamp, body };
    if (stage === 'requested') this.#wait(event);
    else if (stage === 'live') this.#pass(event);
  }

  /** Some cameras publish on the stream that they created, and send everything else on stream 0. */
  #concerns(messageStreamId: number): boolean {
    return messageStreamId === this.#messageStreamId || messageStreamId === CONTROL_MESSAGE_STREAM;
  }

  #finish(): void {
    this.#stage.to('none');
    this.#emit({ type: 'unpublish', messageStreamId: this.#messageStreamId });
  }

  #pass(event: MediaEvent): void {
    if (this.#awaitsKeyFrame && event.kind === 'video') {
      if (!isKeyFrame(event.body)) return;
      this.#awaitsKeyFrame = false;
    }
    this.#emit(event);
  }

  #wait(event: MediaEvent): void {
    const bytes = event.body.length + WAITING_MESSAGE_OVERHEAD;
    if (this.#awaitsKeyFrame || this.#waitingBytes + bytes > this.#limits.maxEarlyMediaBytes) {
      this.#awaitsKeyFrame = true;
      return;
    }
    this.#waitingBytes += bytes;
    this.#waiting.push(event);
  }
}
