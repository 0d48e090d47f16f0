// Checks whether a peer may connect at all, and as which user, before the connection may do anything else.

import type { ConnectDecision, PublishProofs } from '../../contracts/access.js';
import type { ConnectedEvent } from '../../protocols/rtmp/session-event.js';
import { countEnd } from './counters.js';
import { rtmpServerError } from './errors.js';
import { printable } from './log-fields.js';
import type { Peer } from './peer.js';

export class ConnectCheck {
  readonly #peer: Peer;
  #user: string | undefined;
  #encoder: string | undefined;
  #isPending = false;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** The user of this connection, if the peer authenticated when it connected, and what the encoder calls itself. */
  get known(): Omit<PublishProofs, 'query'> {
    return { user: this.#user, encoder: this.#encoder };
  }

  /** Whether the connect command waits for its answer. Anything written now would be taken for that answer. */
  get isPending(): boolean {
    return this.#isPending;
  }

  /** Most connections need no check before they publish. */
  async decide({ query, flashVer }: ConnectedEvent): Promise<void> {
    const peer = this.#peer;
    const { access, options } = peer.context;
    if (flashVer !== undefined) this.#encoder = printable(flashVer);
    if (access.connect === undefined) return;
    peer.pump.pause('access');
    this.#isPending = true;
    peer.nextStep.set(options.publishTimeout, () => {
      const text = `no decision about the connection within ${options.publishTimeout} ms`;
      peer.expire(rtmpServerError('rtmp-server.access-failed', text));
    });
    let decision: ConnectDecision;
    try {
      decision = await access.connect({ query, flashVer, remoteAddress: peer.remoteAddress });
    } catch (cause) {
      const error = rtmpServerError('rtmp-server.access-failed', 'the connection could not be checked', { cause });
      decision = { allowed: false, error, asked: false };
    }
    if (peer.finished) return;
    this.#isPending = false;
    if (decision.allowed) {
      this.#user = decision.user;
      peer.awaitRequest();
    } else {
      this.#refuse(decision);
    }
    peer.pump.resume('access');
    peer.pump.run();
  }

  /** The connection has ended before the answer came: nothing waits for it any more. */
  giveUp(): void {
    this.#isPending = false;
  }

  #refuse({ error, asked }: Exclude<ConnectDecision, { readonly allowed: true }>): void {
    const { context, log, session } = this.#peer;
    if (asked) {
      context.counters.authenticationRequests++;
      log.authenticationRequested();
    } else {
      context.counters.connectsRefused++;
      countEnd(context.counters, error.code);
      log.connectRefused(error);
    }
    // The encoder parses this text, so a challenge must arrive unchanged.
    session.rejectConnect({ code: 'NetConnection.Connect.Rejected', description: error.message });
  }
}
