// One accepted publisher and its target, so that the target is told exactly once that it is over, whatever ended it.

import type { SluiceError } from '../../protocols/errors.js';
import { Deadline } from './deadline.js';
import { MediaPacer } from './media-pacer.js';
import type { ConnectionContext } from './peer.js';
import type { PublishRequest, PublishTarget } from './publishing.js';

export class Publication {
  readonly messageStreamId: number;
  readonly request: PublishRequest;
  readonly target: PublishTarget;
  readonly pacer = new MediaPacer();
  /** Runs until the first audio or video; metadata does not count as media. */
  readonly firstMedia = new Deadline();
  /** Why we end it; set before the session is told, so that the target hears the cause. */
  reason: SluiceError | undefined;
  readonly #context: Pick<ConnectionContext, 'counters' | 'observer'>;
  #ended = false;

  constructor(
    messageStreamId: number,
    request: PublishRequest,
    target: PublishTarget,
    context: Pick<ConnectionContext, 'counters' | 'observer'>,
  ) {
    this.messageStreamId = messageStreamId;
    this.request = request;
    this.target = target;
    this.#context = context;
    context.counters.publishers++;
    context.counters.publishesAccepted++;
    context.observer?.onStart?.(request);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Tells the target and the observer once; later calls do nothing. */
  end(reason: SluiceError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.firstMedia.clear();
    this.#context.counters.publishers--;
    this.#context.counters.publishesEnded++;
    this.target.end(reason);
    this.#context.observer?.onEnd?.(this.request, reason);
  }
}
