// Reads the type and size of boxes, and rejects invalid sizes.
import { mp4Error } from './errors.js';

/** ISO/IEC 14496-12 4.2: the compact header has 8 bytes; with a 64-bit size it has 16. */
export const BOX_HEADER_SIZE = 8;
export const LARGE_BOX_HEADER_SIZE = 16;

export interface BoxHeader {
  /** Four characters, Latin-1. */
  readonly type: string;
  /** Bytes, header included. */
  readonly size: number;
  readonly headerSize: number;
}

export interface Box extends BoxHeader {
  /** Offset of the box in the bytes being walked. */
  readonly start: number;
  /** Everything after the header, as a view. */
  readonly body: Buffer;
}

/**
 * Reads the header at `offset`; undefined if the bytes end before the header does.
 * @throws mp4.box-size for a size smaller than the header, size 0 ("to the end of the file"), or a size above 2^53.
 */
export function readBoxHeader(bytes: Buffer, offset = 0): BoxHeader | undefined {
  if (bytes.length < offset + BOX_HEADER_SIZE) return undefined;
  const type = bytes.toString('latin1', offset + 4, offset + 8);
  const compact = bytes.readUInt32BE(offset);
  if (compact !== 1) {
    if (compact < BOX_HEADER_SIZE) {
      throw mp4Error(
        'mp4.box-size',
        `box ${printableType(type)} says ${compact} bytes, expected at least ${BOX_HEADER_SIZE}`,
      );
    }
    return { type, size: compact, headerSize: BOX_HEADER_SIZE };
  }
  if (bytes.length < offset + LARGE_BOX_HEADER_SIZE) return undefined;
  const large = bytes.readBigUInt64BE(offset + BOX_HEADER_SIZE);
  if (large < BigInt(LARGE_BOX_HEADER_SIZE) || large > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw mp4Error('mp4.box-size', `box ${printableType(type)} says ${large} bytes, expected 16..2^53`);
  }
  return { type, size: Number(large), headerSize: LARGE_BOX_HEADER_SIZE };
}

/**
 * Iterates over the child boxes of a complete parent, in order.
 * @throws mp4.box-size if a box reaches beyond the parent. Fewer than 8 bytes of trailing padding are ignored.
 */
export function* walkBoxes(bytes: Buffer): Generator<Box, void, undefined> {
  let start = 0;
  for (;;) {
    const header = readBoxHeader(bytes, start);
    if (header === undefined) return;
    const end = start + header.size;
    if (end > bytes.length) {
      throw mp4Error(
        'mp4.box-size',
        `box ${printableType(header.type)} says ${header.size} bytes, its parent has ${bytes.length - start} left`,
      );
    }
    const { type, size, headerSize } = header;
    yield { type, size, headerSize, start, body: bytes.subarray(start + headerSize, end) };
    start = end;
  }
}

/** The first box of that type, or undefined. */
export function findBox(bytes: Buffer, type: string): Box | undefined {
  for (const box of walkBoxes(bytes)) {
    if (box.type === type) return box;
  }
  return undefined;
}

/**
 * Follows a path of box types, for example `requireBox(moov, 'trak', 'mdia', 'mdhd')`, and returns the last body.
 * @throws mp4.box-missing naming the path.
 */
export function requireBox(bytes: Buffer, ...path: readonly string[]): Buffer {
  let body = bytes;
  for (const [depth, type] of path.entries()) {
    const box = findBox(body, type);
    if (box === undefined) {
      throw mp4Error('mp4.box-missing', `no ${path.slice(0, depth + 1).join('/')} box`);
    }
    body = box.body;
  }
  return body;
}

/**
 * Checks that `body` has enough bytes for the next reads.
 * @throws mp4.box-content otherwise, so that no plain RangeError leaves this folder.
 */
export function requireBytes(body: Buffer, length: number, what: string): void {
  if (body.length < length) {
    throw mp4Error('mp4.box-content', `${what} has ${body.length} bytes, expected at least ${length}`);
  }
}

export interface FullBoxHeader {
  readonly version: number;
  /** 24 bits. */
  readonly flags: number;
}

/** ISO/IEC 14496-12 4.2.2: the body of a FullBox begins with version and flags; its fields start at offset 4. */
export function readFullBoxHeader(body: Buffer, what: string): FullBoxHeader {
  requireBytes(body, 4, what);
  return { version: body.readUInt8(0), flags: body.readUIntBE(1, 3) };
}

/** A box type as text for messages. It comes from outside, so anything but printable ASCII is masked. */
export function printableType(type: string): string {
  return `'${type.replace(/[^\x20-\x7e]/g, '?')}'`;
}
