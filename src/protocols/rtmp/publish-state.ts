// One publish from request to end. Media that arrives before the answer is queued here, because authorization may take time.

import { StateMachine } from '../state-machine.js';
import { isKeyFrame } from './media-head.js';
import type { MediaEvent } from './session-event.js';

/** Bytes that each queued message is charged in addition to its body, so that a flood of 1-byte messages reaches the limit. */
const WAITING_MESSAGE_OVERHEAD = 128;

/**
 * - `requested`: the application has not answered.
 * - `withdrawn`: the peer ended the publish before the application answered; the answer is still awaited.
 * - `live`: accepted.
 * - `ended`: no more media is accepted.
 */
type PublishStage = 'requested' | 'withdrawn' | 'live' | 'ended';

export class PublishState {
  readonly messageStreamId: number;
  readonly #maxWaitingBytes: number;
  readonly #stage = new StateMachine<PublishStage>('publish', 'requested', {
    requested: ['withdrawn', 'live', 'ended'],
    withdrawn: ['ended'],
    live: ['ended'],
    ended: [],
  });
  #waiting: MediaEvent[] = [];
  #waitingBytes = 0;
  /** A message was dropped. Frames before the next key frame may refer to it and are dropped as well. */
  #awaitsKeyFrame = false;

  constructor(messageStreamId: number, maxWaitingBytes: number) {
    this.messageStreamId = messageStreamId;
    this.#maxWaitingBytes = maxWaitingBytes;
  }

  get stage(): PublishStage {
    return this.#stage.state;
  }

  /** The application accepted the publish. @returns the media queued meanwhile, oldest first. */
  accept(): MediaEvent[] {
    this.#stage.to('live');
    const waited = this.#waiting;
    this.#waiting = [];
    return waited;
  }

  /** The peer ended the publish before the application answered. */
  withdraw(): void {
    this.#stage.to('withdrawn');
    this.#waiting = [];
  }

  end(): void {
    this.#stage.to('ended');
    this.#waiting = [];
  }

  /** @returns the event to pass on now, or undefined. */
  media(event: MediaEvent): MediaEvent | undefined {
    if (this.#stage.is('requested')) {
      this.#wait(event);
      return undefined;
    }
    if (!this.#stage.is('live')) return undefined;
    if (this.#awaitsKeyFrame && event.kind === 'video') {
      if (!isKeyFrame(event.body)) return undefined;
      this.#awaitsKeyFrame = false;
    }
    return event;
  }

  #wait(event: MediaEvent): void {
    const bytes = event.body.length + WAITING_MESSAGE_OVERHEAD;
    if (this.#awaitsKeyFrame || this.#waitingBytes + bytes > this.#maxWaitingBytes) {
      this.#awaitsKeyFrame = true;
      return;
    }
    this.#waitingBytes += bytes;
    this.#waiting.push(event);
  }
}
