// The publishing side of a connection: asks who may, hands the media on at a pace the stream can take, and ends it exactly once.

import type { AccessDecision, PublishRequest } from '../../contracts/access.js';
import { SluiceError } from '../../protocols/errors.js';
import type { MediaEvent, PublishRequestEvent } from '../../protocols/rtmp/session-event.js';
import type { Milliseconds } from '../../protocols/units.js';
import { countEnd } from './counters.js';
import { Deadline } from './deadline.js';
import { rtmpServerError } from './errors.js';
import type { Peer } from './peer.js';
import { Publication } from './publication.js';
import { toStatusReason } from './status-reason.js';

/** A paused publisher is read again after this at the earliest: in a few large gulps, not timer by timer. */
const MIN_PACE_PAUSE: Milliseconds = 500;

export class PublishingPeer {
  readonly #peer: Peer;
  readonly #pace: Deadline;
  #publication: Publication | undefined;

  constructor(peer: Peer) {
    this.#peer = peer;
    this.#pace = new Deadline(peer.domain);
  }

  get isPublishing(): boolean {
    return this.#publication !== undefined;
  }

  /**
   * Access first, then admission; only when both have said yes does the publisher hear an answer.
   * @param user whose connection it is, when that was settled at connect.
   */
  async decide({ messageStreamId, app, name, query }: PublishRequestEvent, user: string | undefined): Promise<void> {
    const peer = this.#peer;
    const { admission, options } = peer.context;
    const request = { app, name, remoteAddress: peer.remoteAddress };
    peer.gate.pause('access');
    peer.nextStep.set(options.publishTimeout, () => {
      const text = `no decision about the publish request within ${options.publishTimeout} ms`;
      peer.expire(rtmpServerError('rtmp-server.access-failed', text));
    });
    const decision = await this.#checkAccess(request, query, user);
    if (peer.finished) return;
    peer.nextStep.clear();
    let publication: Publication | undefined;
    try {
      if (!decision.allowed) throw decision.error;
      publication = new Publication(messageStreamId, request, admission.claim(request), peer.context, peer.domain);
      this.#start(publication);
    } catch (thrown) {
      const error = asServerError(thrown);
      // Claimed, and not begun: nobody else would give the name back.
      if (this.#publication === publication) this.#publication = undefined;
      peer.domain.attempt('rtmp publication end', () => publication?.end(error));
      this.#refuse(messageStreamId, request, error);
    }
    peer.gate.resume('access');
    peer.run();
  }

  media({ kind, timestamp, body }: MediaEvent): void {
    const publication = this.#publication;
    if (publication === undefined) return;
    this.#peer.context.counters.mediaMessages++;
    if (kind !== 'script') {
      publication.firstMedia.clear();
      this.#keepPace(publication.pacer.note(timestamp, performance.now()));
    }
    try {
      publication.target.publish(kind, timestamp, body);
    } catch (thrown) {
      this.#drop(publication, asServerError(thrown));
    }
  }

  /** Ends the publisher from our side. @returns false when there is none. */
  drop(reason: SluiceError): boolean {
    if (this.#publication === undefined) return false;
    this.#drop(this.#publication, reason);
    return true;
  }

  /** The session or the socket says that it is over. @param cause missing when the publisher ended by itself. */
  end(cause: SluiceError | undefined): void {
    this.#pace.clear();
    const publication = this.#publication;
    if (publication === undefined) return;
    this.#publication = undefined;
    this.#peer.gate.resume('pace');
    const reason = publication.reason ?? cause;
    this.#peer.log.publishEnded(publication.request, reason);
    publication.end(reason);
  }

  async #checkAccess(
    request: PublishRequest,
    query: URLSearchParams,
    user: string | undefined,
  ): Promise<AccessDecision> {
    try {
      return await this.#peer.context.access.check({ ...request, query, user });
    } catch (cause) {
      const error = rtmpServerError('rtmp-server.access-failed', 'the publish request could not be checked', { cause });
      return { allowed: false, error };
    }
  }

  #start(publication: Publication): void {
    const { messageStreamId, request, target } = publication;
    const { firstMediaTimeout } = this.#peer.context.options;
    this.#publication = publication;
    publication.started();
    this.#peer.session.accept(messageStreamId);
    this.#peer.log.publishStarted(request);
    publication.firstMedia.set(firstMediaTimeout, () => {
      const text = `no audio or video within ${firstMediaTimeout} ms of the publish`;
      this.#drop(publication, rtmpServerError('rtmp-server.media-timeout', text));
    });
    // Last: a target may use its listener at once.
    target.onKick?.(this.#peer.domain.guard('rtmp kick', (reason) => this.#drop(publication, reason)));
  }

  /** Before anything was accepted: nothing has started, so nothing ends. */
  #refuse(messageStreamId: number, request: PublishRequest, error: SluiceError): void {
    const { context, log, session } = this.#peer;
    context.counters.publishesRefused++;
    countEnd(context.counters, error.code);
    log.publishRefused(request, error);
    session.reject(messageStreamId, toStatusReason(error));
  }

  /** The publisher is told why, then its connection closes. */
  #drop(publication: Publication, reason: SluiceError): void {
    const peer = this.#peer;
    if (publication.ended || peer.finished) return;
    publication.reason = reason;
    countEnd(peer.context.counters, reason.code);
    peer.session.reject(publication.messageStreamId, toStatusReason(reason));
    peer.drain();
  }

  #keepPace(ahead: Milliseconds): void {
    const { gate, context } = this.#peer;
    const { maxMediaAhead } = context.options;
    if (ahead <= maxMediaAhead || gate.has('pace')) return;
    context.counters.pacingPauses++;
    gate.pause('pace');
    this.#pace.set(Math.max(MIN_PACE_PAUSE, ahead - maxMediaAhead), () => gate.resume('pace'));
  }
}

/** A bug in what serves one publisher must not take the others with it: it ends this connection, and is logged with its stack. */
export function asServerError(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  return rtmpServerError('rtmp-server.internal', 'internal error, see the log of the server', { cause: thrown });
}
