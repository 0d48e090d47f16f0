// One publish from request to end; what comes before the answer waits here, because access may take its time.

import { StateMachine } from '../state-machine.js';
import { isKeyFrame } from './media-head.js';
import type { MediaEvent } from './session-event.js';

/** A waiting message costs more than its body; without this a flood of 1-byte messages would not count. */
const WAITING_MESSAGE_OVERHEAD = 128;

/**
 * - `requested`: the application has not answered.
 * - `withdrawn`: the peer ended the publish before the answer; the answer is still awaited.
 * - `live`: accepted.
 * - `ended`: nothing more comes.
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
  /** Something did not fit, so frames up to the next key frame would refer to frames that are gone. */
  #awaitsKeyFrame = false;

  constructor(messageStreamId: number, maxWaitingBytes: number) {
    this.messageStreamId = messageStreamId;
    this.#maxWaitingBytes = maxWaitingBytes;
  }

  get stage(): PublishStage {
    return this.#stage.state;
  }

  /** The application said yes. @returns the media that waited for it, oldest first. */
  accept(): MediaEvent[] {
    this.#stage.to('live');
    const waited = this.#waiting;
    this.#waiting = [];
    return waited;
  }

  /** The peer has ended it before the application has answered. */
  withdraw(): void {
    this.#stage.to('withdrawn');
    this.#waiting = [];
  }

  end(): void {
    this.#stage.to('ended');
    this.#waiting = [];
  }

  /** @returns the media to hand on now: that given, or none. */
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
