// The stream between an accepted socket and Node's HTTP servers. It passes input to their parsers in portions and in turns. A parser that
// gets a whole read would create all requests in it, up to 2,500, before anything else in the process can run.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { FailureDomain } from '../../../protocols/failure-domain.js';
import type { Milliseconds } from '../../../protocols/units.js';
import type { RawRequest, RawResponse } from '../delivery/exchange.js';
import type { Abuse, Portions } from './portions.js';
import { RequestDeadlines } from './request-deadlines.js';
import type { WorkTurns } from './work-turns.js';

/** Bytes that a client may pipeline while a request is answered: about a hundred requests. Browsers and proxies do not pipeline. */
const MAX_PIPELINED_BYTES = 16_384;

/** Bytes that are read before the connection has its turn, enough to detect abuse. Beyond that its socket is not read. */
const MAX_QUEUED_BYTES = 65_536;

/** The same limit for all connections together. A connection that exceeds it is closed. */
const MAX_QUEUED_BYTES_OF_ALL = 32 * 1024 * 1024;

export interface MeteredSocketOptions {
  /** A plain socket, or the TLS socket over it, created with `allowHalfOpen`. */
  readonly socket: Socket;
  readonly remoteAddress: string;
  /** The address for which it counts; undefined for a trusted proxy, which many clients use. */
  readonly countedFor: string | undefined;
  readonly isSecure: boolean;
  /** A fault in this domain ends this connection. */
  readonly domain: FailureDomain;
  /** True for HTTP/1.1, which answers in order: the next request waits for the answer to the one before it. */
  readonly isSerial: boolean;
  readonly portions: Portions;
  readonly turns: WorkTurns;
  /** Bytes queued by all connections together. */
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
  /** Whether the parser is ready for more input. */
  #isWanted = false;
  #hasEnded = false;
  #isPaused = false;
  #awaitsTurn = false;
  /** Whether the queue held more than one portion when the parser last got one: then requests are pipelined. */
  #isBacklogged = false;
  #timeout: Milliseconds = 0;
  /** Bytes read and written at the last check in `checkTimeout`, and when it last saw them change. */
  #moved = 0;
  #movedAt: Milliseconds = performance.now();
  /** The callback of the write that the socket has not finished; there is at most one. */
  #onWritten: WriteCallback | undefined;
  /** Number of writes that were reported as done before the socket called back. */
  #doneEarly = 0;
  readonly #written: WriteCallback;
  readonly #nextTurn: () => void;

  constructor(options: MeteredSocketOptions) {
    // Response heads arrive as strings; the socket encodes them when it writes.
    super({ decodeStrings: false });
    this.#options = options;
    this.deadlines = new RequestDeadlines(options.isSerial, () => options.portions.isInsideHead);
    const { socket, domain } = options;
    this.#socket = socket;
    this.#written = domain.guard('http written', (error) => this.#hasWritten(error));
    this.#nextTurn = domain.guard('http turn', () => {
      this.#awaitsTurn = false;
      this.#pump();
    });
    const ended = domain.guard('http end', () => {
      this.#hasEnded = true;
      this.#pump();
    });
    socket
      .on(
        'data',
        domain.guard('http data', (bytes: Buffer) => this.#arrived(bytes)),
      )
      .on('end', ended);
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** This property and the next two have the names that `net.Socket` uses. */
  get remoteAddress(): string {
    return this.#options.remoteAddress;
  }

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

  get domain(): FailureDomain {
    return this.#options.domain;
  }

  /** Number of received bytes that the parser has not got yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Node's HTTP/1.1 server calls this twice for each request. A timer each time would cost more than one check per second. */
  setTimeout(timeout: Milliseconds): this {
    this.#timeout = timeout;
    return this;
  }

  /** Call about once a second. Emits `timeout` if no byte has moved in either direction for the time set with `setTimeout`. */
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

  /** Sends a last text and closes the connection. */
  hangUp(text: string): void {
    this.#socket.end(text, () => this.destroy());
  }

  /**
   * The parser has created a request.
   * @param onClosed called when its response is complete or its client has left
   */
  opened(request: RawRequest, response: RawResponse, onClosed?: () => void): void {
    this.deadlines.opened(request, response);
    const closed = (): void => {
      onClosed?.();
      this.deadlines.closed(response);
      if (this.#queuedBytes > 0 || this.#hasEnded) this.#pump();
    };
    response.once('close', this.domain.guard('http answer closed', closed));
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

  /** Writes head and body of an answer in one system call. Node appends an empty piece to each answer. */
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
   * Reports a write as done as soon as the kernel has taken it, so that it does not count as unread by the client. The socket calls back a
   * tick later, in the order of the writes; those calls are then ignored.
   */
  #awaitWritten(done: WriteCallback): void {
    if (this.#socket.writableLength > 0) {
      this.#onWritten = done;
      return;
    }
    this.#doneEarly++;
    done();
  }

  #hasWritten(error?: Error | null): void {
    if (this.#doneEarly > 0) {
      this.#doneEarly--;
      return;
    }
    const done = this.#onWritten;
    this.#onWritten = undefined;
    done?.(error);
  }

  override _final(callback: WriteCallback): void {
    this.#socket.end(callback);
  }

  override _destroy(error: Error | null, callback: WriteCallback): void {
    this.#options.turns.cancel(this.#nextTurn);
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

  /** Whether the next request must wait for the answer to the previous one. */
  get #isBlocked(): boolean {
    return this.#options.isSerial && this.deadlines.awaitsAnswer;
  }

  #pump(): void {
    const { turns } = this.#options;
    let isFirst = true;
    while (this.#queuedBytes > 0 && this.#isWanted && !this.#awaitsTurn && !this.#isBlocked && !this.destroyed) {
      if (turns.isUsedUp || (turns.hasWaiting && !isFirst)) {
        this.#awaitsTurn = true;
        turns.enqueue(this.#nextTurn, this.#isBacklogged);
        break;
      }
      const began = performance.now();
      this.#give(began);
      turns.charge(performance.now() - began);
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
