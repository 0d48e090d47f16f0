// The box in which a part carries a timed event: `emsg` with an ID3 tag, which hls.js, Shaka and Apple's players understand.
//
// Sources: ISO/IEC 23009-1 5.10.3.3 (emsg); "Carriage of ID3 Timed Metadata in CMAF", Alliance for Open Media; ID3v2.4.0 3.1, 4, 4.2.6.

import { ByteWriter } from '../bytes/byte-writer.js';
import type { Ticks } from '../units.js';
import { fullBox } from './box-writer.js';

/** The scheme of `emsg` boxes that contain an ID3v2 tag. */
export const ID3_SCHEME = 'https://aomedia.org/emsg/ID3';
/** "The event duration is unknown": the event is a moment. */
const UNKNOWN_DURATION = 0xff_ff_ff_ff;
const UTF_8 = 3;
/** Bytes of the header of an ID3 tag, and of the header of a frame in it. */
const ID3_HEADER = 10;

export interface EventMessage {
  /** u32. The same event has the same id in every rendition. */
  readonly id: number;
  /** Presentation time on the timeline of the track. */
  readonly time: Ticks;
  /** Ticks per second. */
  readonly timescale: number;
  /** Description of the TXXX frame, which shows receivers the kind of text. */
  readonly description: string;
  readonly text: string;
}

/** An `emsg` box of version 1. */
export function eventMessageBox({ id, time, timescale, description, text }: EventMessage): Buffer {
  const fields = new ByteWriter(20)
    .u32be(timescale)
    .u32be(Math.floor(time / 2 ** 32))
    .u32be(time % 2 ** 32)
    .u32be(UNKNOWN_DURATION)
    .u32be(id);
  const strings = Buffer.from(`${ID3_SCHEME}\0\0`, 'latin1');
  return fullBox('emsg', 1, 0, fields.toBuffer(), strings, userText(description, text));
}

/** An ID3v2.4 tag with one TXXX frame. */
function userText(description: string, text: string): Buffer {
  // A zero ends the description and must not occur inside it.
  const content = Buffer.from(`${description.replaceAll('\0', '')}\0${text}`);
  const frameSize = content.length + 1;
  const frame = new ByteWriter(ID3_HEADER + 1).utf8('TXXX').bytes(syncSafe(frameSize)).u16be(0).u8(UTF_8).toBuffer();
  const header = new ByteWriter(ID3_HEADER)
    .utf8('ID3')
    .u8(4)
    .u8(0)
    .u8(0)
    .bytes(syncSafe(ID3_HEADER + frameSize))
    .toBuffer();
  return Buffer.concat([header, frame, content]);
}

/** ID3v2.4.0 6.2: seven bits a byte, so that no size looks like an MPEG frame. */
function syncSafe(size: number): Buffer {
  return Buffer.from([(size >>> 21) & 0x7f, (size >>> 14) & 0x7f, (size >>> 7) & 0x7f, size & 0x7f]);
}
