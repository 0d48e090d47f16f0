// A connection as Node's HTTP servers see it, whose bytes reach their parsers in portions and in turns. A parser that is given a
// whole read makes all requests that are in it, up to 2,500, before anything else of the process runs.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Milliseconds } from '../../../protocols/units.js';
import type { RawRequest, RawResponse } from '../delivery/exchange.js';
import type { Abuse, Portions } from './portions.js';
import { RequestDeadlines } from './request-deadlines.js';
import type { WorkTurns } from './work-turns.js';

/** Sent ahead while a request is being answered: a hundred requests or so. Browsers and proxies send none. */
const MAX_PIPELINED_BYTES = 16_384;

/** Read ahead of a connection's turn, which shows what it is up to; its socket is left alone beyond that. */
const MAX_QUEUED_BYTES = 65_536;

/** The same of all connections together; who adds to it is hung up on. */
const MAX_QUEUED_BYTES_OF_ALL = 32 * 1024 * 1024;

export interface MeteredSocketOptions {
  /** Plain, or the inside of a TLS connection; with `allowHalfOpen`. */
  readonly socket: Socket;
  readonly remoteAddress: string;
  /** Whom it is counted for; undefined for a proxy that many clients come through. */
  readonly countedFor: string | undefined;
  readonly isSecure: boolean;
  /** HTTP/1.1 answers in order: the next request waits until the one before it is answered. HTTP/2 answers as it likes. */
  readonly isSerial: boolean;
  readonly portions: Portions;
  readonly turns: WorkTurns;
  /** By all connections together. */
  readonly queued: { bytes: number };
  readonly onAbuse: (abuse: Abuse) => void;
}

type WriteCallback = (error?: Error | null) => void;

interface OutgoingPiece {
  readonly chunk: Buffer | string;
  readonly encoding: BufferEncoding;
}

export class MeteredSocket extends Duplex {
  readonly deadlines: RequestDeadlines;
  readonly #options: MeteredSocketOptions;
  readonly #socket: Socket;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  /** Whoever reads us wants more. */
  #isWanted = false;
  #hasEnded = false;
  #isPaused = false;
  #awaitsTurn = false;
  /** Since the queue was empty some of it was given to the parser: it held more than a request. */
  #isBacklogged = false;
  #timeout: Milliseconds = 0;
  /** Bytes read and written when `checkTimeout` looked last, and when it last saw them change. */
  #moved = 0;
  #movedAt: Milliseconds = performance.now();
  /** Of the one write that the socket has not finished. */
  #onWritten: WriteCallback | undefined;
  /** Writes that were done before the socket said so. */
  #doneEarly = 0;
  readonly #written: WriteCallback = (error) => {
    if (this.#doneEarly > 0) {
      this.#doneEarly--;
      return;
    }
    const done = this.#onWritten;
    this.#onWritten = undefined;
    done?.(error);
  };
  readonly #nextTurn = (): void => {
    this.#awaitsTurn = false;
    this.#pump();
  };

  constructor(options: MeteredSocketOptions) {
    // Heads come as strings, which the socket encodes as it writes them.
    super({ decodeStrings: false });
    this.#options = options;
    this.deadlines = new RequestDeadlines(options.isSerial, () => options.portions.isInsideHead);
    const { socket } = options;
    this.#socket = socket;
    socket.on('data', (bytes) => this.#arrived(bytes));
    socket.on('end', () => {
      this.#hasEnded = true;
      this.#pump();
    });
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** For who asks where a request comes from, as of a socket of Node's. */
  get remoteAddress(): string {
    return this.#options.remoteAddress;
  }

  /** Our own end of the connection, as of a socket of Node's. */
  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  get countedFor(): string | undefined {
    return this.#options.countedFor;
  }

  get isSecure(): boolean {
    return this.#options.isSecure;
  }

  /** Bytes that were not given to the parser. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Node's HTTP/1.1 server calls this twice for each request. A timer each time would cost more than a look once a second. */
  setTimeout(timeout: Milliseconds): this {
    this.#timeout = timeout;
    return this;
  }

  /** Call about once a second. Emits `timeout` if no byte has moved in either direction for as long as `setTimeout` said. */
  checkTimeout(now: Milliseconds): void {
    const { bytesRead, bytesWritten } = this.#socket;
    const moved = bytesRead + bytesWritten;
    if (moved !== this.#moved) {
      this.#moved = moved;
      this.#movedAt = now;
    } else if (this.#timeout > 0 && now - this.#movedAt >= this.#timeout) {
      this.#movedAt = now;
      this.emit('timeout');
    }
  }

  /** Says a last word and hangs up. */
  hangUp(text: string): void {
    this.#socket.end(text, () => this.destroy());
  }

  /** A request came of what was given to the parser. */
  opened(request: RawRequest, response: RawResponse, onClosed?: () => void): void {
    this.deadlines.opened(request, response);
    response.once('close', () => {
      onClosed?.();
      this.deadlines.closed(response);
      if (this.#queuedBytes > 0 || this.#hasEnded) this.#pump();
    });
  }

  override _read(): void {
    this.#isWanted = true;
    if (this.#queuedBytes > 0 || this.#hasEnded) this.#pump();
    else this.#resume();
  }

  override _write(bytes: Buffer | string, encoding: BufferEncoding, done: WriteCallback): void {
    this.#socket.write(bytes, encoding, this.#written);
    this.#awaitWritten(done);
  }

  /** Head and body of an answer: one system call for both. Node ends each answer with an empty piece. */
  override _writev(pieces: readonly OutgoingPiece[], done: WriteCallback): void {
    let last = pieces.length - 1;
    while (last > 0 && pieces[last]?.chunk.length === 0) last--;
    if (last > 0) this.#socket.cork();
    for (let index = 0; index <= last; index++) {
      const { chunk, encoding } = pieces[index] as OutgoingPiece;
      if (index === last) this.#socket.write(chunk, encoding, this.#written);
      else this.#socket.write(chunk, encoding);
    }
    if (last > 0) this.#socket.uncork();
    this.#awaitWritten(done);
  }

  /**
   * What the kernel took while `write` ran is done, and must not count as bytes that the client has not read. The socket's own
   * callback comes a tick later all the same, in the order of the writes, and is then passed over.
   */
  #awaitWritten(done: WriteCallback): void {
    if (this.#socket.writableLength > 0) {
      this.#onWritten = done;
      return;
    }
    this.#doneEarly++;
    done();
  }

  override _final(callback: WriteCallback): void {
    this.#socket.end(callback);
  }

  override _destroy(error: Error | null, callback: WriteCallback): void {
    this.#options.turns.forget(this.#nextTurn);
    this.#queue = [];
    this.#addQueued(-this.#queuedBytes);
    this.#socket.destroy();
    callback(error);
  }

  #arrived(bytes: Buffer): void {
    if (this.destroyed) return;
    const abuse = this.#options.portions.look(bytes);
    if (abuse !== undefined) {
      this.#end(abuse);
      return;
    }
    this.#queue.push(bytes);
    this.#addQueued(bytes.length);
    this.#pump();
    if (this.#options.queued.bytes > MAX_QUEUED_BYTES_OF_ALL && this.#queuedBytes > 0) this.#end('queued-bytes');
  }

  #addQueued(bytes: number): void {
    this.#queuedBytes += bytes;
    this.#options.queued.bytes += bytes;
  }

  #end(abuse: Abuse): void {
    this.#options.onAbuse(abuse);
    this.destroy();
  }

  /** The request before has its answer to wait for. */
  get #isBlocked(): boolean {
    return this.#options.isSerial && this.deadlines.awaitsAnswer;
  }

  #pump(): void {
    const { turns } = this.#options;
    let isFirst = true;
    while (this.#queuedBytes > 0 && this.#isWanted && !this.#awaitsTurn && !this.#isBlocked && !this.destroyed) {
      if (turns.areUsedUp || (turns.areWanted && !isFirst)) {
        this.#awaitsTurn = true;
        turns.later(this.#nextTurn, this.#isBacklogged);
        break;
      }
      const began = performance.now();
      this.#give(began);
      turns.note(performance.now() - began);
      isFirst = false;
    }
    if (this.#isBlocked && this.#queuedBytes > MAX_PIPELINED_BYTES) this.#end('pipelined-bytes');
    else if (this.#queuedBytes >= MAX_QUEUED_BYTES) this.#pause();
    if (this.#queuedBytes === 0 && this.#hasEnded && !this.destroyed) this.push(null);
  }

  #give(now: Milliseconds): void {
    const [bytes] = this.#queue;
    if (bytes === undefined) return;
    const length = this.#options.portions.next(bytes);
    if (length >= bytes.length) this.#queue.shift();
    else this.#queue[0] = bytes.subarray(length);
    this.#addQueued(-Math.min(length, bytes.length));
    this.#isBacklogged = this.#queuedBytes > 0;
    this.deadlines.bytesGiven(now);
    this.#isWanted = this.push(length >= bytes.length ? bytes : bytes.subarray(0, length));
    if (!this.#isWanted) this.#pause();
  }

  #pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }
}
