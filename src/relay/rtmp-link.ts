// One connection to another RTMP server, including the steps of its authentication: connects, publishes or plays, and detects a server that accepts
// no data. It connects once; its owner decides about further attempts.

import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, TLSSocket } from 'node:tls';
import type { Clock } from '../protocols/clock.js';
import { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import type { ClientEvent } from '../protocols/rtmp/client-event.js';
import { ClientSession } from '../protocols/rtmp/client-session.js';
import type { EnhancedCapabilities } from '../protocols/rtmp/commands.js';
import { systemReason } from '../protocols/system-error.js';
import type { Milliseconds } from '../protocols/units.js';
import { answerAuthentication } from './authmod.js';
import { relayError } from './errors.js';
import { LinkOutput } from './link-output.js';
import { type RtmpUrl, withoutSecrets } from './rtmp-url.js';
import { type TlsTrust, tlsOptions, trustFault } from './tls-trust.js';

/** Limit from the start to the accepted request, all steps together. */
const ANSWER_TIMEOUT: Milliseconds = 15_000;
/** If the socket sends nothing for this long while data is waiting, the server counts as gone. */
const STALL_TIMEOUT: Milliseconds = 15_000;
const CHECK_INTERVAL: Milliseconds = 1_000;
/** How long the server may take to close its side after the end of the publish. */
const CLOSE_GRACE: Milliseconds = 1_000;
/** TCP keep-alive detects a broken network while nothing is sent. */
const KEEP_ALIVE: Milliseconds = 10_000;
/** The first attempt, the request for a challenge, and its answer. */
const MAX_STEPS = 3;
const MAX_WORDS = 300;
/** Limit of the answers, such as those to pings, that wait for a server that reads nothing. */
const MAX_UNREAD_ANSWERS = 64 * 1024;

export interface RtmpLinkOptions {
  readonly role: 'publish' | 'play';
  readonly url: RtmpUrl;
  readonly trust: TlsTrust;
  /** The failure domain of the connection. */
  readonly domain: FailureDomain;
  readonly clock: Clock;
  /** Called with a connected socket before anything is sent. @returns why this connection must not be used */
  readonly check?: (socket: Socket) => SluiceError | undefined;
  /** The server has accepted the request. */
  readonly onAccepted: () => void;
  readonly onMedia?: (media: Extract<ClientEvent, { readonly type: 'media' }>) => void;
  /** Called when the socket can take more data. */
  readonly onRoom: () => void;
  /** Called when the server requests a new connection. */
  readonly onReconnect: (tcUrl: string | undefined) => void;
  /** Called once when the connection has ended, as the last callback. @param error undefined after `close()` */
  readonly onEnd: (error: SluiceError | undefined) => void;
}

export class RtmpLink {
  readonly #options: RtmpLinkOptions;
  #socket: Socket;
  #session: ClientSession;
  #output: LinkOutput;
  /** Bytes sent over the sockets of earlier steps. */
  #earlierBytes = 0;
  /** Bytes of answers since the socket was full. */
  #unreadAnswers = 0;
  #steps = 0;
  #accepted = false;
  #closing = false;
  #error: SluiceError | undefined;
  #cancelTimer: () => void;

  constructor(options: RtmpLinkOptions) {
    this.#options = options;
    this.#session = this.#newSession('');
    this.#socket = this.#open();
    this.#output = this.#newOutput(this.#socket);
    this.#cancelTimer = options.clock.after(ANSWER_TIMEOUT, () => {
      this.#fail(relayError('relay.connection', `no answer within ${ANSWER_TIMEOUT / 1000} s`));
    });
  }

  get capabilities(): EnhancedCapabilities {
    return this.#session.capabilities;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** Bytes sent. */
  get bytesSent(): number {
    return this.#earlierBytes + this.#output.bytesSent;
  }

  get isFull(): boolean {
    return this.#closing || this.#output.isFull;
  }

  /** Queues one message; `flush` sends it. The body is not copied. */
  send(kind: 'audio' | 'video' | 'script', timestamp: Milliseconds, body: Buffer): void {
    if (kind === 'script') this.#session.send(kind, timestamp, body);
    else this.#session.sendShared(kind, timestamp, body);
    this.#output.add(this.#session.takeOutputBuffers());
  }

  flush(): void {
    this.#output.add(this.#session.takeOutputBuffers());
    this.#output.write();
  }

  /** Ends the publish as encoders do, and closes within a second. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#session.unpublish();
    this.#output.add(this.#session.takeOutputBuffers());
    this.#output.end();
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(CLOSE_GRACE, () => this.#socket.destroy());
  }

  #newSession(query: string): ClientSession {
    const { url, role } = this.#options;
    const withQuery = (text: string) => (query === '' ? text : `${text}${text.includes('?') ? '&' : '?'}${query}`);
    return new ClientSession({
      role,
      app: withQuery(url.app),
      tcUrl: withQuery(url.tcUrl),
      streamName: url.streamName,
      enhanced: true,
    });
  }

  #newOutput(socket: Socket): LinkOutput {
    const { domain, clock, onRoom } = this.#options;
    const room = () => {
      if (this.#accepted && !this.#closing) onRoom();
    };
    return new LinkOutput(socket, { domain, clock, onRoom: room });
  }

  #open(): Socket {
    const { url, domain, trust } = this.#options;
    const { host, port } = url;
    // IPv6 and IPv4 addresses of the host are both tried (RFC 8305), so that a broken network path of one of them does not make attempts fail.
    const place = { host, port, autoSelectFamily: true };
    const socket = url.secure
      ? connectTls({ ...tlsOptions(host, trust), ...place } as ConnectionOptions)
      : connect(place);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE);
    const current = (): boolean => this.#socket === socket;
    const disown = domain.own(() => socket.destroy());
    const ready = domain.guard('relay connected', () => this.#connected());
    socket.on(url.secure ? 'secureConnect' : 'connect', ready);
    socket.on(
      'data',
      domain.guard('relay data', (bytes: Buffer) => current() && this.#receive(bytes)),
    );
    socket.on(
      'error',
      domain.guard('relay error', (error: Error) => current() && this.#lost(error)),
    );
    socket.on(
      'end',
      domain.guard('relay end', () => current() && this.#hungUp()),
    );
    const closed = domain.guard('relay close', () => current() && this.#ended());
    socket.on('close', () => {
      disown();
      closed();
    });
    return socket;
  }

  #connected(): void {
    const socket = this.#socket;
    const { check, trust } = this.#options;
    const fault = (socket instanceof TLSSocket ? trustFault(socket, trust) : undefined) ?? check?.(socket);
    if (fault !== undefined) this.#fail(fault);
    else this.flush();
  }

  #receive(bytes: Buffer): void {
    this.#session.receive(bytes);
    for (let event = this.#session.nextEvent(); event !== undefined; event = this.#session.nextEvent()) {
      if (this.#closing || this.#error !== undefined) return;
      if (this.#handle(event)) return;
    }
    if (this.#closing) return;
    const answers = this.#session.takeOutputBuffers();
    this.#output.add(answers);
    this.#output.write();
    const answered = answers.reduce((sum, { length }) => sum + length, 0);
    this.#unreadAnswers = this.#output.isFull ? this.#unreadAnswers + answered : 0;
    if (this.#unreadAnswers > MAX_UNREAD_ANSWERS) {
      this.#fail(relayError('relay.stalled', 'the server asked for answers and did not read them'));
    }
  }

  /** @returns whether the session has been replaced */
  #handle(event: ClientEvent): boolean {
    const { onAccepted, onMedia, onReconnect } = this.#options;
    switch (event.type) {
      case 'publishing':
      case 'playing':
        this.#accepted = true;
        this.#cancelTimer();
        this.#check();
        onAccepted();
        return false;
      case 'media':
        onMedia?.(event);
        return false;
      case 'reconnect':
        onReconnect(event.tcUrl);
        return false;
      case 'rejected':
        return this.#rejected(event.code, event.description);
      case 'ended':
        this.#fail(relayError('relay.connection', 'the stream of the other server has ended'));
        return false;
      case 'closed':
        this.#fail(this.#cleaned(event.error) ?? relayError('relay.connection', 'the server ended the session'));
        return false;
    }
  }

  #rejected(code: string, description: string): boolean {
    const { url } = this.#options;
    const step = url.user && answerAuthentication(description, url.app, url.user);
    this.#steps += 1;
    if (step?.type === 'query' && this.#steps < MAX_STEPS) {
      this.#earlierBytes = this.bytesSent;
      const old = this.#socket;
      this.#session = this.#newSession(step.query);
      this.#socket = this.#open();
      this.#output = this.#newOutput(this.#socket);
      old.destroy();
      return true;
    }
    const words = this.#clean(`${code}: ${description}`);
    // A server that stops or ends an accepted stream also sends such a status. That does not mean that the key is wrong.
    if (this.#accepted) this.#fail(relayError('relay.connection', `the server ended the stream: ${words}`));
    else this.#fail(relayError('relay.refused', `the server refused: ${words}`));
    return true;
  }

  /** The message may repeat text of the other server. */
  #cleaned(error: SluiceError | undefined): SluiceError | undefined {
    return error && new SluiceError(error.code, error.kind, this.#clean(error.message));
  }

  /** Text of the other server, without secrets, as one line of limited length. */
  #clean(text: string): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed
    const line = withoutSecrets(text, this.#options.url).replace(/[\u0000-\u001f\u007f]+/g, ' ');
    return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS)}…` : line;
  }

  #lost(cause: Error): void {
    const isTrust = 'code' in cause && typeof cause.code === 'string' && /CERT|SIGNED|ALTNAME|ISSUER/.test(cause.code);
    const code = isTrust ? 'relay.certificate' : 'relay.connection';
    this.#error ??= relayError(code, this.#clean(isTrust ? cause.message : reasonOf(cause)), { cause });
  }

  #hungUp(): void {
    const when = this.#accepted ? '' : ' before it had accepted the stream';
    this.#fail(relayError('relay.connection', `the server closed the connection${when}`));
  }

  #fail(error: SluiceError): void {
    if (this.#closing) return;
    this.#error ??= error;
    this.#socket.destroy();
  }

  #ended(): void {
    this.#cancelTimer();
    this.#options.onEnd(
      this.#closing ? undefined : (this.#error ?? relayError('relay.connection', 'the connection was closed')),
    );
  }

  #check(): void {
    if (this.#output.stalledFor >= STALL_TIMEOUT) {
      this.#fail(relayError('relay.stalled', `the server accepted no bytes for ${STALL_TIMEOUT / 1000} s`));
      return;
    }
    this.#cancelTimer = this.#options.clock.after(CHECK_INTERVAL, () => this.#check());
  }
}

/** An attempt with several addresses fails with the errors of all of them. */
function reasonOf(error: Error): string {
  if (!(error instanceof AggregateError) || error.errors.length === 0) return systemReason(error);
  return [...new Set(error.errors.map((one) => systemReason(one)))].join('; ');
}
