// The playing side of a connection: checks who may watch, connects sessions to streams, and handles the players' commands.

import type { AccessDecision, PlayDecision, PlayRequest } from '../../contracts/access.js';
import type { Permit } from '../../contracts/grant.js';
import type { SluiceError } from '../../protocols/errors.js';
import type { PauseEvent, PlayRequestEvent } from '../../protocols/rtmp/session-event.js';
import type { Milliseconds } from '../../protocols/units.js';
import { countEnd } from './counters.js';
import { Deadline } from './deadline.js';
import { rtmpServerError } from './errors.js';
import type { Peer } from './peer.js';
import { Playback } from './playback.js';
import { asServerError } from './publishing-peer.js';
import { toPlayStatusReason } from './status-reason.js';

/** A player whose time is over, or who must leave, is gone within a second. */
const CHECK_INTERVAL: Milliseconds = 500;

/** Maximum media in the socket of a player, in bytes. More would wait where it can no longer be dropped up to the next key frame. */
const SOCKET_BYTES = 128 * 1024;

export class Viewer {
  readonly #peer: Peer;
  /** By message stream. */
  readonly #playbacks = new Map<number, Playback>();
  /** By message stream. */
  readonly #permits = new Map<number, Permit>();
  /** By message stream: whether its player may still watch. */
  readonly #checks = new Map<number, () => AccessDecision>();
  readonly #nextCheck: Deadline;

  constructor(peer: Peer) {
    this.#peer = peer;
    this.#nextCheck = new Deadline(peer.domain);
  }

  get isPlaying(): boolean {
    return this.#playbacks.size > 0;
  }

  async decide({ messageStreamId, app, name, query }: PlayRequestEvent): Promise<void> {
    const peer = this.#peer;
    const { counters, options, play } = peer.context;
    const request = { app, name, remoteAddress: peer.remoteAddress };
    if (play === undefined) {
      const error = rtmpServerError('rtmp-server.play-off', 'this server does not play over RTMP: watch over HLS');
      this.#refuse(messageStreamId, request, error);
      return;
    }
    peer.pump.pause('access');
    peer.nextStep.set(options.publishTimeout, () => {
      const text = `no decision about the play request within ${options.publishTimeout} ms`;
      peer.expire(rtmpServerError('rtmp-server.access-failed', text));
    });
    const decision = await this.#checkAccess(request, query);
    const permit = decision.allowed ? decision.permit : undefined;
    if (peer.finished) {
      permit?.close();
      return;
    }
    peer.nextStep.clear();
    try {
      if (!decision.allowed) throw decision.error;
      const playback = new Playback({
        request,
        admission: play.admission,
        maxBytes: options.maxViewerBytes,
        counters,
        domain: peer.domain,
        sink: {
          send: (kind, timestamp, body) => {
            peer.session.sendMedia(messageStreamId, kind, timestamp, body);
            peer.flush();
          },
          isFull: () => peer.finished || peer.unsentBytes >= SOCKET_BYTES,
          ended: () => this.#ended(messageStreamId),
        },
      });
      if (!playback.open()) throw rtmpServerError('rtmp-server.stream-not-found', 'nobody publishes under this name');
      this.#playbacks.set(messageStreamId, playback);
      if (permit !== undefined) {
        this.#permits.set(messageStreamId, permit);
        permit.begin(peer.domain.guard('rtmp kick', (reason) => peer.expire(reason)));
      }
      if (decision.stillAllowed !== undefined) this.#keepChecking(messageStreamId, decision.stillAllowed);
      counters.viewers++;
      counters.playsAccepted++;
      peer.log.playStarted(request);
      peer.session.acceptPlay(messageStreamId);
    } catch (thrown) {
      const error = asServerError(thrown);
      if (!this.#permits.has(messageStreamId)) permit?.close({ reason: error });
      this.#refuse(messageStreamId, request, error);
    }
    peer.pump.resume('access');
    peer.pump.run();
  }

  pause({ messageStreamId, paused }: PauseEvent): void {
    this.#playbacks.get(messageStreamId)?.pause(paused);
  }

  /** Called when the session reports that this play has ended. */
  stop(messageStreamId: number): void {
    const playback = this.#playbacks.get(messageStreamId);
    if (playback === undefined) return;
    this.#playbacks.delete(messageStreamId);
    this.#checks.delete(messageStreamId);
    if (this.#checks.size === 0) this.#nextCheck.clear();
    playback.stop();
    this.#permits.get(messageStreamId)?.close();
    this.#permits.delete(messageStreamId);
    this.#peer.context.counters.viewers--;
    this.#peer.log.playEnded(playback.request);
  }

  stopAll(): void {
    for (const messageStreamId of [...this.#playbacks.keys()]) this.stop(messageStreamId);
  }

  /** Called when the socket can take data again. */
  resume(): void {
    for (const playback of this.#playbacks.values()) playback.resume();
  }

  /** The stream has ended: the player is told, and may request another stream. */
  #ended(messageStreamId: number): void {
    const peer = this.#peer;
    if (peer.finished) return;
    peer.session.endPlay(messageStreamId);
    peer.pump.run();
  }

  #keepChecking(messageStreamId: number, check: () => AccessDecision): void {
    this.#checks.set(messageStreamId, check);
    this.#nextCheck.set(CHECK_INTERVAL, () => this.#checkAll());
  }

  #checkAll(): void {
    for (const check of this.#checks.values()) {
      const decision = check();
      if (decision.allowed) continue;
      this.#peer.expire(decision.error);
      return;
    }
    this.#nextCheck.set(CHECK_INTERVAL, () => this.#checkAll());
  }

  async #checkAccess(request: PlayRequest, query: URLSearchParams): Promise<PlayDecision> {
    try {
      const access = this.#peer.context.play?.access;
      return (await access?.check({ ...request, query })) ?? { allowed: true };
    } catch (cause) {
      const error = rtmpServerError('rtmp-server.access-failed', 'the play request could not be checked', { cause });
      return { allowed: false, error };
    }
  }

  #refuse(messageStreamId: number, request: PlayRequest, error: SluiceError): void {
    const { context, log, session } = this.#peer;
    context.counters.playsRefused++;
    countEnd(context.counters, error.code);
    log.playRefused(request, error);
    // Players that only get an error status wait forever, so the connection is closed as well.
    session.reject(messageStreamId, toPlayStatusReason(error));
  }
}
