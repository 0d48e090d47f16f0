// One accepted publish and its target. The target is told exactly once that the publish is over, whatever ended it.

import type { PublishRequest } from '../../contracts/access.js';
import type { SluiceError } from '../../protocols/errors.js';
import { callAll, type FailureDomain } from '../../protocols/failure-domain.js';
import { Deadline } from './deadline.js';
import type { ConnectionContext } from './peer.js';
import type { PublishTarget } from './publishing.js';

export class Publication {
  readonly messageStreamId: number;
  readonly request: PublishRequest;
  readonly target: PublishTarget;
  /** Runs until the first audio or video message; metadata does not count. */
  readonly firstMedia: Deadline;
  /** Why the server ends it. Set before the session is told, so that the target learns the cause. */
  reason: SluiceError | undefined;
  readonly #context: Pick<ConnectionContext, 'counters' | 'observer'>;
  #ended = false;

  constructor(
    messageStreamId: number,
    request: PublishRequest,
    target: PublishTarget,
    context: Pick<ConnectionContext, 'counters' | 'observer'>,
    domain: FailureDomain,
  ) {
    this.messageStreamId = messageStreamId;
    this.request = request;
    this.target = target;
    this.#context = context;
    this.firstMedia = new Deadline(domain);
    context.counters.publishers++;
    context.counters.publishesAccepted++;
  }

  /** Tells the observer. This is not part of the constructor, because a failure here must end the publication. */
  started(): void {
    this.#context.observer?.onStart?.(this.request);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Tells target and observer once, each of them even if the other throws. Later calls do nothing. */
  end(reason: SluiceError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.firstMedia.clear();
    this.#context.counters.publishers--;
    this.#context.counters.publishesEnded++;
    const calls = [() => this.target.end(reason), () => this.#context.observer?.onEnd?.(this.request, reason)];
    callAll(calls, (call) => call());
  }
}
