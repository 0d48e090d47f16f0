// The publishing side of a connection: checks access, passes media on, and ends the publication exactly once. A publisher that sends faster
// than real time is read at real time: its data then waits in its own socket and not in our memory.

import type { PublishDecision, PublishProofs, PublishRequest } from '../../contracts/access.js';
import { SluiceError } from '../../protocols/errors.js';
import type { MediaEvent, PublishRequestEvent } from '../../protocols/rtmp/session-event.js';
import type { Milliseconds } from '../../protocols/units.js';
import { countEnd } from './counters.js';
import { Deadline } from './deadline.js';
import { rtmpServerError } from './errors.js';
import type { Peer } from './peer.js';
import { Publication } from './publication.js';
import { toStatusReason } from './status-reason.js';

/** Minimum pause of a publisher that is too fast: reading in a few large portions needs fewer timers. */
const MIN_PACE_PAUSE: Milliseconds = 500;
/** A larger step is a jump of the timeline, which the stream repairs. It is not media, so it is not counted. */
const MAX_STEP: Milliseconds = 5_000;
/** Media time that a publisher may send at once after a network interruption, in addition to the allowed lead. */
const MAX_CREDIT: Milliseconds = 20_000;

/** Measures how far a publisher is ahead of the clock, for example one that sends a file without -re. */
export class MediaPacer {
  #lastTimestamp: Milliseconds | undefined;
  #lastNow: Milliseconds = 0;
  #ahead: Milliseconds = 0;

  /**
   * @param timestamp u32 of an audio or video message, as on the wire; differences are taken modulo 2^32
   * @param now monotonic clock
   * @returns how far the media is ahead of the clock; negative if it is behind
   */
  note(timestamp: Milliseconds, now: Milliseconds): Milliseconds {
    if (this.#lastTimestamp === undefined) {
      this.#lastTimestamp = timestamp;
      this.#lastNow = now;
      return 0;
    }
    const step = (timestamp - this.#lastTimestamp) | 0;
    if (step > 0 || step < -MAX_STEP) this.#lastTimestamp = timestamp;
    if (step > 0 && step <= MAX_STEP) this.#ahead += step;
    this.#ahead = Math.max(this.#ahead - (now - this.#lastNow), -MAX_CREDIT);
    this.#lastNow = now;
    return this.#ahead;
  }
}

export class PublishingPeer {
  readonly #peer: Peer;
  readonly #pace: Deadline;
  #publication: Publication | undefined;
  /** Measures the current publication. */
  #pacer = new MediaPacer();
  /** Whether the current publication has sent no media, only metadata. */
  #awaitsMedia = true;

  constructor(peer: Peer) {
    this.#peer = peer;
    this.#pace = new Deadline(peer.domain);
  }

  get isPublishing(): boolean {
    return this.#publication !== undefined;
  }

  /**
   * Checks access first, then admission. The publisher gets its answer when both have accepted it.
   * @param connection what is known of the publisher since it connected
   */
  async decide(
    { messageStreamId, app, name, query }: PublishRequestEvent,
    connection: Omit<PublishProofs, 'query'>,
  ): Promise<void> {
    const peer = this.#peer;
    const { admission, options } = peer.context;
    const asked = { app, name, remoteAddress: peer.remoteAddress };
    peer.pump.pause('access');
    peer.nextStep.set(options.publishTimeout, () => {
      const text = `no decision about the publish request within ${options.publishTimeout} ms`;
      peer.expire(rtmpServerError('rtmp-server.access-failed', text));
    });
    const decision = await this.#checkAccess(asked, { query, ...connection });
    const permit = decision.allowed ? decision.permit : undefined;
    if (peer.finished) {
      permit?.close();
      return;
    }
    peer.nextStep.clear();
    const request = permit === undefined ? asked : { ...asked, name: permit.grant.name, grant: permit.grant };
    let publication: Publication | undefined;
    try {
      if (!decision.allowed) throw decision.error;
      const target = admission.claim(request);
      publication = new Publication(messageStreamId, request, { target, permit }, peer.context, peer.domain);
      this.#start(publication);
    } catch (thrown) {
      const error = asServerError(thrown);
      // The name was claimed, but the publication did not start. Nobody else would release the name.
      if (this.#publication === publication) this.#publication = undefined;
      peer.domain.attempt('rtmp publication end', () => {
        if (publication === undefined) permit?.close({ reason: error });
        else publication.end(error);
      });
      this.#refuse(messageStreamId, request, error);
    }
    peer.pump.resume('access');
    peer.pump.run();
  }

  media({ kind, timestamp, body }: MediaEvent): void {
    const publication = this.#publication;
    if (publication === undefined) return;
    this.#peer.context.counters.mediaMessages++;
    publication.bytes += body.length;
    if (kind !== 'script') {
      if (this.#awaitsMedia) publication.firstMedia.clear();
      this.#awaitsMedia = false;
      this.#keepPace(this.#pacer.note(timestamp, performance.now()));
    }
    try {
      publication.target.publish(kind, timestamp, body);
    } catch (thrown) {
      this.#drop(publication, asServerError(thrown));
    }
  }

  /**
   * Ends the publisher from the server's side.
   * @returns false if there is none
   */
  drop(reason: SluiceError): boolean {
    if (this.#publication === undefined) return false;
    this.#drop(this.#publication, reason);
    return true;
  }

  /**
   * Call when the session or the socket reports the end.
   * @param cause undefined if the publisher itself has ended the stream
   */
  end(cause: SluiceError | undefined): void {
    this.#pace.clear();
    const publication = this.#publication;
    if (publication === undefined) return;
    this.#publication = undefined;
    this.#peer.pump.resume('pace');
    const reason = publication.reason ?? cause;
    this.#peer.log.publishEnded(publication.request, reason);
    publication.end(reason);
  }

  async #checkAccess(request: PublishRequest, proofs: PublishProofs): Promise<PublishDecision> {
    try {
      return await this.#peer.context.access.check({ ...request, ...proofs });
    } catch (cause) {
      const error = rtmpServerError('rtmp-server.access-failed', 'the publish request could not be checked', { cause });
      return { allowed: false, error };
    }
  }

  #start(publication: Publication): void {
    const { messageStreamId, request, target, permit } = publication;
    const { firstMediaTimeout } = this.#peer.context.options;
    this.#publication = publication;
    this.#pacer = new MediaPacer();
    this.#awaitsMedia = true;
    publication.started();
    this.#peer.session.accept(messageStreamId);
    this.#peer.log.publishStarted(request);
    publication.firstMedia.set(firstMediaTimeout, () => {
      const text = `no audio or video within ${firstMediaTimeout} ms of the publish`;
      this.#drop(publication, rtmpServerError('rtmp-server.media-timeout', text));
    });
    const kick = this.#peer.domain.guard('rtmp kick', (reason: SluiceError) => this.#drop(publication, reason));
    permit?.begin(kick);
    // This must be the last step, because a target may call its listener at once.
    target.onKick?.(kick);
  }

  /** Refuses a request before it was accepted. Nothing has started, so nothing has to be ended. */
  #refuse(messageStreamId: number, request: PublishRequest, error: SluiceError): void {
    const { context, log, session } = this.#peer;
    context.counters.publishesRefused++;
    countEnd(context.counters, error.code);
    log.publishRefused(request, error);
    session.reject(messageStreamId, toStatusReason(error));
  }

  /** Tells the publisher why, then closes its connection. */
  #drop(publication: Publication, reason: SluiceError): void {
    const peer = this.#peer;
    if (publication.ended || peer.finished) return;
    publication.reason = reason;
    countEnd(peer.context.counters, reason.code);
    peer.session.reject(publication.messageStreamId, toStatusReason(reason));
    peer.drain();
  }

  #keepPace(ahead: Milliseconds): void {
    const { pump, context } = this.#peer;
    const { maxMediaAhead } = context.options;
    if (ahead <= maxMediaAhead || pump.isPausedFor('pace')) return;
    context.counters.pacingPauses++;
    pump.pause('pace');
    this.#pace.set(Math.max(MIN_PACE_PAUSE, ahead - maxMediaAhead), () => pump.resume('pace'));
  }
}

/** A bug in serving one publisher must not affect the others: it ends this connection, and is logged with its stack. */
export function asServerError(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  return rtmpServerError('rtmp-server.internal', 'internal error, see the log of the server', { cause: thrown });
}
