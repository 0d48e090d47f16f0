// Splits messages of coded media into pictures and frames. Whatever a message contains, the result is bounded, and joining the pieces gives the input
// again.
import { AccessUnits, type Picture } from '../../src/protocols/bitstream/access-units.js';
import { adtsAudioSpecificConfig, splitAdts } from '../../src/protocols/bitstream/adts.js';
import { Av1Bitstream } from '../../src/protocols/bitstream/av1-bitstream.js';
import { AvcBitstream } from '../../src/protocols/bitstream/avc-bitstream.js';
import type { Bitstream } from '../../src/protocols/bitstream/bitstream.js';
import { HevcBitstream } from '../../src/protocols/bitstream/hevc-bitstream.js';
import type { NalLengthSize } from '../../src/protocols/bitstream/nal-units.js';
import { looseSets, ParameterSets } from '../../src/protocols/bitstream/parameter-sets.js';
import { describeAudio } from '../../src/protocols/mp4/audio-description.js';
import { describeVideo } from '../../src/protocols/mp4/video-description.js';
import { ensure, type FuzzTarget, read } from './target.js';

const MAX_HELD = 4_096;
const LENGTH_SIZES: readonly NalLengthSize[] = [4, 2, 1];
const ADTS = 3;

/** One byte for the codec and the size of lengths, then messages, each behind two bytes of length. */
function input(kind: number, ...messages: string[]): Buffer {
  const parts = messages.map((hex) => Buffer.from(hex, 'hex'));
  return Buffer.concat([
    Buffer.of(kind),
    ...parts.flatMap((part) => [Buffer.of(part.length >> 8, part.length & 0xff), part]),
  ]);
}

const SPS = '67640015acd9405005bb011000000300100000030320f162d960';
const length = (unit: string): string => (unit.length / 2).toString(16).padStart(8, '0') + unit;

function readMessages(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const end = at + 2 + bytes.readUInt16BE(at);
    messages.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return messages;
}

export const bitstreamTarget: FuzzTarget = {
  name: 'bitstream',
  seeds: [
    input(
      0,
      length('0910'),
      length(SPS) + length('68ebe3cb22c0'),
      length('0605010280') + length('658884ff'),
      length('419a21'),
    ),
    input(0, `00000001${SPS}0000000168ebe3cb22c0000001658884ff`, `00000000${length('419a21')}`, length('411a21')),
    input(1, length('460150'), length('2601afff'), length('0201d0ff'), length('020150ff'), length('500180')),
    input(2, '12000a0a00000002afff9fff3008', '32021000', '1200320230003202b000', '1a0180'),
    input(
      3,
      'fff14c40133ffcdc004c61766336312e332e31303000',
      'fff14c0044fffca09880800422 0c4c61766336'.replace(' ', ''),
    ),
    input(4, '000467aabbcc', '0002419a0002411a'),
  ],
  dictionary: [
    Buffer.of(0, 0, 0, 1),
    Buffer.of(0, 0, 1),
    Buffer.of(0, 0, 0, 0),
    Buffer.of(0x67),
    Buffer.of(0x65, 0x88),
    Buffer.of(0x42, 1),
    Buffer.of(0x12, 0),
    Buffer.of(0xff, 0xf1, 0x4c, 0x40),
  ],
  maxBytes: 2_048,
  run(bytes) {
    const [kind = 0] = bytes;
    const messages = readMessages(bytes.subarray(1));
    if (kind % 4 === ADTS) openAdts(messages);
    else cutPictures(kind % 4, LENGTH_SIZES[(kind >> 2) % LENGTH_SIZES.length] ?? 4, messages);
  },
};

function cutPictures(codec: number, nalLengthSize: NalLengthSize, messages: readonly Buffer[]): void {
  const bitstream: Bitstream =
    [new AvcBitstream(), new HevcBitstream(), new Av1Bitstream()][codec] ?? new AvcBitstream();
  if (!(bitstream instanceof Av1Bitstream)) Object.assign(bitstream, { nalLengthSize });
  const sets = codec === 2 ? undefined : new ParameterSets(codec === 0 ? 'avc' : 'hevc');
  let pictures = 0;
  const units = new AccessUnits<Buffer>({
    bitstream,
    maxBytes: MAX_HELD,
    onPicture: (picture) => {
      pictures += 1;
      checkPicture(bitstream, picture);
      for (const unit of picture.units) sets?.note(unit);
    },
    onFinding: () => undefined,
  });
  let slices = 0;
  for (const message of messages) {
    const split = bitstream.split(message);
    for (const set of looseSets(codec === 0 ? 'avc' : 'hevc', message) ?? []) sets?.note(set);
    if (split === undefined) continue;
    ensure(
      split.units.every((unit) => unit.length > 0),
      'no unit is empty',
    );
    slices += split.units.length;
    units.push(message, split);
    ensure(units.heldBytes <= MAX_HELD, 'what waits is bounded in bytes');
  }
  units.flush();
  ensure(pictures <= slices, 'no picture comes from nothing');
  const record = sets?.record(nalLengthSize);
  if (record !== undefined) read(() => describeVideo(codec === 0 ? 'avc' : 'hevc', record));
}

function checkPicture(bitstream: Bitstream, { units, sample }: Picture<Buffer>): void {
  const { length: before } = units;
  ensure(before > 0, 'a picture has units');
  bitstream.kindOf(units);
  const joined = Buffer.concat(sample === undefined ? bitstream.join(units) : [sample]);
  ensure(joined.length === 0 || bitstream.split(joined) !== undefined, 'a sample can be taken apart again');
}

function openAdts(messages: readonly Buffer[]): void {
  for (const message of messages) {
    for (const { config, data } of splitAdts(message) ?? []) {
      ensure(data.length > 0 && data.length < 8_192, 'a frame has bytes, fewer than an ADTS header can say');
      const made = adtsAudioSpecificConfig(config, data);
      if (made !== undefined) read(() => describeAudio('aac', made));
    }
  }
}
