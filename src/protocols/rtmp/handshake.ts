// The RTMP handshake. Its bytes may arrive split anywhere. It consumes exactly its own bytes, so that no byte after C2 is lost.

import { rtmpError } from './errors.js';
import { type RandomBytes, signServerHandshake } from './handshake-digest.js';
import { FIRST_FORBIDDEN_VERSION, HANDSHAKE_SIZE, RTMP_VERSION } from './limits.js';

/** First byte of a TLS handshake record (RFC 8446 5.1). It gets its own error message, because people do mix up the ports. */
const TLS_HANDSHAKE_RECORD = 0x16;

/** Server side of RTMP 1.0 5.2. */
export class ServerHandshake {
  readonly #random: RandomBytes;
  readonly #c1 = Buffer.alloc(HANDSHAKE_SIZE);
  /** C0, once it has been received. */
  #version: number | undefined;
  #c1Received = 0;
  #c2Received = 0;
  #output: Buffer | undefined;

  constructor(random: RandomBytes) {
    this.#random = random;
  }

  get done(): boolean {
    return this.#c2Received === HANDSHAKE_SIZE;
  }

  /**
   * @returns how many of the bytes belonged to the handshake; the rest are chunks.
   * @throws rtmp.not-rtmp
   */
  receive(bytes: Buffer): number {
    let position = 0;
    if (this.#version === undefined && bytes.length > 0) {
      this.#version = checkedVersion(bytes.readUInt8(0));
      position = 1;
    }
    if (this.#c1Received < HANDSHAKE_SIZE) {
      const copied = bytes.copy(this.#c1, this.#c1Received, position);
      this.#c1Received += copied;
      position += copied;
      if (this.#c1Received === HANDSHAKE_SIZE) this.#output = this.#answer();
    }
    // 5.2.4 says what C2 must echo. Streamlabs and others send something else, and nobody would gain if they were refused.
    const skipped = Math.min(HANDSHAKE_SIZE - this.#c2Received, bytes.length - position);
    this.#c2Received += skipped;
    return position + skipped;
  }

  /** S0, S1 and S2 in one buffer, because some hardware encoders need them in one TCP segment. */
  takeOutput(): Buffer | undefined {
    const output = this.#output;
    this.#output = undefined;
    return output;
  }

  #answer(): Buffer {
    // A client that asks for encryption (version 6) continues in plain RTMP if S1 is not signed; if S1 is signed, it encrypts.
    const signed = this.#version === RTMP_VERSION ? signServerHandshake(this.#c1, this.#random) : undefined;
    const s0 = Buffer.of(RTMP_VERSION);
    if (signed !== undefined) return Buffer.concat([s0, signed.s1, signed.s2]);
    // Strict clients compare every byte of S2 with C1.
    return Buffer.concat([s0, simplePacket(this.#random), this.#c1]);
  }
}

/**
 * Client side of RTMP 1.0 5.2. Always the simple handshake: we do not publish to servers that demand a signature.
 */
export class ClientHandshake {
  readonly #s1 = Buffer.alloc(HANDSHAKE_SIZE);
  #received = 0;
  #output: Buffer | undefined;

  constructor(random: RandomBytes) {
    this.#output = Buffer.concat([Buffer.of(RTMP_VERSION), simplePacket(random)]);
  }

  get done(): boolean {
    return this.#received === 1 + 2 * HANDSHAKE_SIZE;
  }

  /**
   * @returns how many of the bytes belonged to the handshake.
   * @throws rtmp.not-rtmp
   */
  receive(bytes: Buffer): number {
    const start = this.#received;
    if (start === 0 && bytes.length > 0) checkedVersion(bytes.readUInt8(0));
    const taken = Math.min(1 + 2 * HANDSHAKE_SIZE - start, bytes.length);
    // Copies the S1 part of these bytes; Buffer.copy clips at both ends.
    const from = Math.max(0, 1 - start);
    const to = Math.min(taken, 1 + HANDSHAKE_SIZE - start);
    if (to > from) bytes.copy(this.#s1, start + from - 1, from, to);
    this.#received += taken;
    if (taken > 0 && this.done) this.#output = this.#s1;
    return taken;
  }

  takeOutput(): Buffer | undefined {
    const output = this.#output;
    this.#output = undefined;
    return output;
  }
}

/** 5.2.3: time, four zero bytes, 1528 random bytes. The time may be arbitrary; with 0 no clock is needed. */
function simplePacket(random: RandomBytes): Buffer {
  const packet = Buffer.from(random(HANDSHAKE_SIZE));
  packet.fill(0, 0, 8);
  return packet;
}

/** 5.2.2: an unknown version is answered with 3, and the client may continue or give up. A byte that cannot be a version is refused. */
function checkedVersion(version: number): number {
  if (version === TLS_HANDSHAKE_RECORD) {
    throw rtmpError('rtmp.not-rtmp', 'got a TLS handshake, expected plain RTMP (version 3)');
  }
  if (version >= FIRST_FORBIDDEN_VERSION) {
    throw rtmpError('rtmp.not-rtmp', `got first byte 0x${version.toString(16)}, expected RTMP version 3`);
  }
  return version;
}
