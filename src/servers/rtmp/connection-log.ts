// Writes the log lines of a connection, one for each event: with the peer's address, without secrets, and without text that a peer could
// forge.

import type { PlayRequest, PublishRequest } from '../../contracts/access.js';
import type { Logger } from '../../contracts/logger.js';
import { SluiceError } from '../../protocols/errors.js';
import { printable } from './log-fields.js';
import type { LogLimiter } from './log-limiter.js';

export class ConnectionLog {
  readonly #logger: Logger;
  readonly #limiter: LogLimiter;
  readonly #origin: { readonly peer: string; readonly connection: number };

  /** @param connection number of the connection, by which its lines can be found */
  constructor(logger: Logger, limiter: LogLimiter, peer: string, connection: number) {
    this.#logger = logger;
    this.#limiter = limiter;
    this.#origin = { peer, connection };
  }

  opened(): void {
    this.#logger.debug(this.#origin, 'rtmp connection opened');
  }

  /** Do not log tcUrl: its query may hold the key. */
  connected(app: string, encoder: string | undefined): void {
    this.#logger.debug({ ...this.#origin, app: printable(app), encoder: printable(encoder ?? '') }, 'rtmp connected');
  }

  publishStarted(request: PublishRequest): void {
    const admitted = this.#limiter.admit('publish started');
    if (admitted === undefined) return;
    this.#logger.info({ ...this.#origin, ...names(request), ...admitted }, 'publish started');
  }

  /** @param cause undefined if the publisher itself has ended the stream */
  publishEnded(request: PublishRequest, cause: SluiceError | undefined): void {
    const admitted = this.#limiter.admit(`publish ended ${cause?.code ?? ''}`);
    if (admitted === undefined) return;
    const fields = { ...this.#origin, ...names(request), ...(cause && failure(cause)), ...admitted };
    if (cause?.code === 'rtmp-server.internal') this.#logger.error({ ...fields, err: cause.cause }, 'publish ended');
    else if (cause?.kind === 'unsupported' || cause?.kind === 'invalid-data')
      this.#logger.warn(fields, 'publish ended');
    else this.#logger.info(fields, 'publish ended');
  }

  publishRefused(request: PublishRequest, error: SluiceError): void {
    const admitted = this.#limiter.admit(error.code);
    if (admitted === undefined) return;
    if (error.code === 'rtmp-server.internal') {
      const fields = { ...this.#origin, ...names(request), ...admitted };
      this.#logger.error({ ...fields, err: error.cause }, 'internal error, publisher dropped');
      return;
    }
    // A peer that is denied may have sent the secret as the name: do not log it.
    const who = error.kind === 'denied' ? {} : names(request);
    this.#logger.warn({ ...this.#origin, ...who, ...failure(error), ...admitted }, 'publish refused');
  }

  playStarted(request: PlayRequest): void {
    const admitted = this.#limiter.admit('play started');
    if (admitted === undefined) return;
    this.#logger.info({ ...this.#origin, ...names(request), ...admitted }, 'play started');
  }

  playEnded(request: PlayRequest): void {
    const admitted = this.#limiter.admit('play ended');
    if (admitted === undefined) return;
    this.#logger.info({ ...this.#origin, ...names(request), ...admitted }, 'play ended');
  }

  playRefused(request: PlayRequest, error: SluiceError): void {
    const admitted = this.#limiter.admit(error.code);
    if (admitted === undefined) return;
    const who = error.kind === 'denied' ? {} : names(request);
    this.#logger.info({ ...this.#origin, ...who, ...failure(error), ...admitted }, 'play refused');
  }

  /** This is a step of the challenge and not a failure. Its text would help somebody who guesses passwords, so it is not logged. */
  authenticationRequested(): void {
    this.#logger.debug(this.#origin, 'rtmp authentication requested');
  }

  /** The user is not logged, because it may be a password in the wrong field. */
  connectRefused(error: SluiceError): void {
    const admitted = this.#limiter.admit(`connect ${error.code}`);
    if (admitted === undefined) return;
    this.#logger.warn(
      { ...this.#origin, code: error.code, ...admitted },
      'rtmp connection refused: wrong user or password',
    );
  }

  /** The peer violated the protocol, a limit or a deadline. */
  failed(error: SluiceError): void {
    const admitted = this.#limiter.admit(error.code);
    if (admitted === undefined) return;
    this.#logger.info({ ...this.#origin, ...failure(error), ...admitted }, 'rtmp connection ended');
  }

  /** A bug in the server, caught at the seam that `where` names. */
  broken(where: string, error: SluiceError): void {
    const admitted = this.#limiter.admit('rtmp-server.internal');
    if (admitted === undefined) return;
    this.#logger.error(
      { ...this.#origin, code: error.code, where, err: error.cause ?? error, ...admitted },
      'internal error: this connection ends, the others go on',
    );
  }

  closed(): void {
    this.#logger.debug(this.#origin, 'rtmp connection closed');
  }
}

function names({ app, name }: PublishRequest | PlayRequest): object {
  return { app: printable(app), stream: printable(name) };
}

/** The error sent to the peer may hide the true cause. The log then also has the code of the cause. */
function failure({ code, message, cause }: SluiceError): object {
  const truth = cause instanceof SluiceError && code !== 'rtmp-server.internal' ? { cause: cause.code } : {};
  return { code, reason: printable(message), ...truth };
}
