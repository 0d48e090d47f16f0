// One accepted publish and its target. The target is told exactly once that the publish is over, whatever ended it.

import type { PublishRequest } from '../../contracts/access.js';
import type { Permit } from '../../contracts/grant.js';
import type { SluiceError } from '../../protocols/errors.js';
import { callAll, type FailureDomain } from '../../protocols/failure-domain.js';
import { Deadline } from './deadline.js';
import type { ConnectionContext } from './peer.js';
import type { PublishTarget } from './publishing.js';

export class Publication {
  readonly messageStreamId: number;
  readonly request: PublishRequest;
  readonly target: PublishTarget;
  /** Undefined if the policy gives none. */
  readonly permit: Permit | undefined;
  /** Bytes of its messages. */
  bytes = 0;
  /** Runs until the first audio or video message; metadata does not count. */
  readonly firstMedia: Deadline;
  /** Why the server ends it. Set before the session is told, so that the target learns the cause. */
  reason: SluiceError | undefined;
  readonly #context: Pick<ConnectionContext, 'counters' | 'observer'>;
  #ended = false;

  constructor(
    messageStreamId: number,
    request: PublishRequest,
    { target, permit }: { readonly target: PublishTarget; readonly permit: Permit | undefined },
    context: Pick<ConnectionContext, 'counters' | 'observer'>,
    domain: FailureDomain,
  ) {
    this.messageStreamId = messageStreamId;
    this.request = request;
    this.target = target;
    this.permit = permit;
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

  /** Notifies target, observer and policy once; an exception in one does not stop the others. Later calls do nothing. */
  end(reason: SluiceError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.firstMedia.clear();
    this.#context.counters.publishers--;
    this.#context.counters.publishesEnded++;
    const calls = [
      () => this.target.end(reason),
      () => this.#context.observer?.onEnd?.(this.request, reason),
      () => this.permit?.close({ bytes: this.bytes, reason }),
    ];
    callAll(calls, (call) => call());
  }
}
