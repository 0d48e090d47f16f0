// Flash-era clients (and FFmpeg) sign C1 and check that the server signs its answer. Only this file knows the signature scheme. Adobe never
// published it; this code does what all servers do.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { HANDSHAKE_SIZE } from './limits.js';

const DIGEST_SIZE = 32;

/** Both keys end in these 32 bytes. Signatures inside C1 and S1 use the text alone; those of C2 and S2 use the whole key. */
const KEY_TAIL = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const PLAYER_KEY = Buffer.from('Genuine Adobe Flash Player 001');
const SERVER_KEY = Buffer.from('Genuine Adobe Flash Media Server 001');
const SERVER_FULL_KEY = Buffer.concat([SERVER_KEY, KEY_TAIL]);

/** Any version from 3 on tells the client that S1 is signed. */
const SERVER_VERSION = 0x04_05_00_01;

/** The position of the digest. The sum of four bytes gives an offset inside one half of the packet. */
const DIGEST_SCHEMES = [{ offsetField: 8 }, { offsetField: 772 }] as const;
const DIGEST_POSITIONS = 728;

type DigestScheme = (typeof DIGEST_SCHEMES)[number];

/** Source of unpredictable bytes; injected by tests. */
export type RandomBytes = (size: number) => Buffer;

export const secureRandomBytes: RandomBytes = (size) => randomBytes(size);

/**
 * Makes S1 and S2 for a signed C1, in the scheme that the client used.
 * @param c1 1536 bytes
 * @returns undefined if C1 has no valid signature of either scheme; then the simple handshake applies
 */
export function signServerHandshake(c1: Buffer, random: RandomBytes): { s1: Buffer; s2: Buffer } | undefined {
  for (const scheme of DIGEST_SCHEMES) {
    const clientDigest = validDigest(c1, scheme, PLAYER_KEY);
    if (clientDigest !== undefined) return { s1: signedS1(scheme, random), s2: signedS2(clientDigest, random) };
  }
  return undefined;
}

function signedS1(scheme: DigestScheme, random: RandomBytes): Buffer {
  const s1 = Buffer.from(random(HANDSHAKE_SIZE));
  s1.writeUInt32BE(0, 0);
  s1.writeUInt32BE(SERVER_VERSION, 4);
  const offset = digestOffset(s1, scheme);
  packetDigest(s1, offset, SERVER_KEY).copy(s1, offset);
  return s1;
}

function signedS2(clientDigest: Buffer, random: RandomBytes): Buffer {
  const s2 = Buffer.from(random(HANDSHAKE_SIZE));
  const signed = s2.subarray(0, HANDSHAKE_SIZE - DIGEST_SIZE);
  const key = createHmac('sha256', SERVER_FULL_KEY).update(clientDigest).digest();
  createHmac('sha256', key)
    .update(signed)
    .digest()
    .copy(s2, HANDSHAKE_SIZE - DIGEST_SIZE);
  return s2;
}

function validDigest(packet: Buffer, scheme: DigestScheme, key: Buffer): Buffer | undefined {
  const offset = digestOffset(packet, scheme);
  const found = packet.subarray(offset, offset + DIGEST_SIZE);
  return timingSafeEqual(found, packetDigest(packet, offset, key)) ? found : undefined;
}

function digestOffset(packet: Buffer, { offsetField }: DigestScheme): number {
  let sum = 0;
  for (let index = 0; index < 4; index += 1) sum += packet.readUInt8(offsetField + index);
  return offsetField + 4 + (sum % DIGEST_POSITIONS);
}

/** Computes the digest of a packet over all of its bytes except those of the digest itself. */
function packetDigest(packet: Buffer, offset: number, key: Buffer): Buffer {
  return createHmac('sha256', key)
    .update(packet.subarray(0, offset))
    .update(packet.subarray(offset + DIGEST_SIZE))
    .digest();
}
