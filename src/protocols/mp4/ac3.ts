// AC-3 and E-AC-3 have no sequence header, so the fields of dac3 and dec3 are read from the first frame.
import { BitReader } from '../bytes/bit-reader.js';
import { mp4Error } from './errors.js';
import { readRecord } from './read-record.js';

/** One syncframe (ETSI TS 102 366 4.4.1, 4.4.2 and E.1.3.1). */
export interface Ac3Frame {
  readonly enhanced: boolean;
  /** 0 = independent, 1 = dependent substream; E-AC-3 only. */
  readonly streamType: number;
  readonly substreamId: number;
  /** Bytes. */
  readonly size: number;
  /** fscod: 0 = 48 kHz, 1 = 44.1 kHz, 2 = 32 kHz, 3 = half of these. */
  readonly sampleRateCode: number;
  readonly sampleRate: number;
  readonly bsid: number;
  readonly bsmod: number;
  /** acmod. */
  readonly channelMode: number;
  readonly lfe: boolean;
  /** PCM samples per channel: 256 for each audio block. */
  readonly samples: number;
  /** frmsizecod >> 1; AC-3 only. */
  readonly bitRateCode: number;
  /** chanmap of a dependent substream, 16 bits. */
  readonly channelMap: number;
}

/** The stream parameters from the first access unit. */
export interface Ac3Configuration {
  /** The first independent substream. */
  readonly main: Ac3Frame;
  readonly channels: number;
  readonly dependentSubstreams: number;
  /** chan_loc of dec3 (ETSI TS 102 366 F.6.2.13), 9 bits. */
  readonly channelLocations: number;
  /** kbit/s. */
  readonly bitRate: number;
}

const SYNC_WORD = 0x0b77;
const SAMPLE_RATES: readonly number[] = [48_000, 44_100, 32_000];
/** Number of full-range channels by acmod. */
const CHANNELS: readonly number[] = [2, 1, 2, 3, 3, 4, 4, 5];
/** kbit/s by frmsizecod >> 1 (ETSI TS 102 366 table 4.13). */
const BIT_RATES: readonly number[] = [
  32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
];
const BLOCKS: readonly number[] = [1, 2, 3, 6];
const BLOCK_SAMPLES = 256;
const MAX_AC3_BSID = 10;
const MAX_BSID = 16;
/** Eight independent substreams with eight dependent ones each. */
const MAX_FRAMES = 72;
/** chan_loc bits that stand for a pair of channels: Lc/Rc, Lrs/Rrs, Lsd/Rsd, Lw/Rw, Lvh/Rvh. The other bits stand for one channel each. */
const PAIRED_LOCATIONS = 0b1_1001_1100;

/**
 * @param accessUnit one or more whole syncframes
 * @throws mp4.audio-frame
 */
export function parseAc3Configuration(accessUnit: Buffer): Ac3Configuration {
  const frames = ac3Frames(accessUnit);
  const [main] = frames;
  if (main === undefined) throw mp4Error('mp4.audio-frame', 'got no AC-3 frame');
  let dependentSubstreams = 0;
  let channelLocations = 0;
  let size = main.size;
  for (const frame of frames.slice(1)) {
    if (frame.streamType !== 1) break;
    size += frame.size;
    dependentSubstreams += 1;
    // From Lc/Rc (bit 10 of chanmap) to Cvh (bit 3), and LFE2 (bit 1).
    channelLocations |= (((frame.channelMap >> 3) & 0xff) << 1) | ((frame.channelMap >> 1) & 1);
  }
  const bitRate = main.enhanced
    ? Math.round((size * 8 * main.sampleRate) / main.samples / 1000)
    : (BIT_RATES[main.bitRateCode] ?? 0);
  const channels = channelsOfMode(main.channelMode, main.lfe) + channelsOfLocations(channelLocations);
  return { main, channels, dependentSubstreams, channelLocations, bitRate };
}

/** The full-range channels of acmod plus the low-frequency channel. */
export function channelsOfMode(channelMode: number, lfe: boolean): number {
  return (CHANNELS[channelMode] ?? 2) + (lfe ? 1 : 0);
}

/** @throws mp4.audio-frame for the reserved code */
export function sampleRateOfCode(code: number): number {
  const rate = SAMPLE_RATES[code];
  if (rate === undefined) throw mp4Error('mp4.audio-frame', `got AC-3 sample rate code ${code}, expected 0..2`);
  return rate;
}

/** Number of channels that `channelLocations` adds. */
export function channelsOfLocations(locations: number): number {
  let count = 0;
  for (let bit = 0; bit < 9; bit += 1) {
    if ((locations & (1 << bit)) !== 0) count += (PAIRED_LOCATIONS & (1 << bit)) !== 0 ? 2 : 1;
  }
  return count;
}

/**
 * The syncframes of an access unit; invalid bytes after the first frame are ignored. @throws mp4.audio-frame if there is no valid first
 * frame
 */
function ac3Frames(accessUnit: Buffer): Ac3Frame[] {
  const frames: Ac3Frame[] = [];
  let at = 0;
  while (at < accessUnit.length && frames.length < MAX_FRAMES) {
    if (frames.length > 0 && (accessUnit.length - at < 8 || accessUnit.readUInt16BE(at) !== SYNC_WORD)) break;
    const frame = parseAc3Frame(accessUnit.subarray(at));
    frames.push(frame);
    at += frame.size;
  }
  return frames;
}

/** @throws mp4.audio-frame */
function parseAc3Frame(bytes: Buffer): Ac3Frame {
  return readRecord('mp4.audio-frame', bytes, () => {
    const bits = new BitReader(bytes);
    const sync = bits.bits(16);
    if (sync !== SYNC_WORD) throw mp4Error('mp4.audio-frame', `got 0x${sync.toString(16)}, expected AC-3 sync 0x b77`);
    // bsid has the same position in AC-3 and E-AC-3 and distinguishes them.
    const bsid = (bytes[5] ?? 0) >> 3;
    if (bsid > MAX_BSID) throw mp4Error('mp4.audio-frame', `got bsid ${bsid}, expected 0..${MAX_BSID}`);
    return bsid <= MAX_AC3_BSID ? readAc3(bits, bsid) : readEac3(bits);
  });
}

function readAc3(bits: BitReader, bsid: number): Ac3Frame {
  bits.skip(16); // crc1
  const sampleRateCode = bits.bits(2);
  const sizeCode = bits.bits(6);
  bits.skip(5);
  const bsmod = bits.bits(3);
  const channelMode = bits.bits(3);
  if ((channelMode & 1) !== 0 && channelMode !== 1) bits.skip(2); // cmixlev
  if ((channelMode & 4) !== 0) bits.skip(2); // surmixlev
  if (channelMode === 2) bits.skip(2); // dsurmod
  const lfe = bits.flag();
  const fullRate = sampleRateOfCode(sampleRateCode);
  const bitRateCode = sizeCode >> 1;
  const bitRate = BIT_RATES[bitRateCode];
  if (bitRate === undefined) throw mp4Error('mp4.audio-frame', `got AC-3 frame size code ${sizeCode}, expected 0..37`);
  // bsid 9 and 10 mean half and quarter rates (annex D).
  const sampleRate = fullRate >> Math.max(0, bsid - 8);
  // Frame size in 16-bit words for 1536 samples; at 44.1 kHz every other frame is one word longer.
  const words = Math.floor((bitRate * 96_000) / fullRate) + (sampleRateCode === 1 ? sizeCode & 1 : 0);
  return {
    enhanced: false,
    streamType: 0,
    substreamId: 0,
    size: words * 2,
    sampleRateCode,
    sampleRate,
    bsid,
    bsmod,
    channelMode,
    lfe,
    samples: 6 * BLOCK_SAMPLES,
    bitRateCode,
    channelMap: 0,
  };
}

function readEac3(bits: BitReader): Ac3Frame {
  const streamType = bits.bits(2);
  const substreamId = bits.bits(3);
  const size = (bits.bits(11) + 1) * 2;
  const sampleRateCode = bits.bits(2);
  const second = bits.bits(2);
  const reduced = sampleRateCode === 3;
  const rate = sampleRateOfCode(reduced ? second : sampleRateCode);
  const channelMode = bits.bits(3);
  const lfe = bits.flag();
  const bsid = bits.bits(5);
  // dialnorm and compr, present twice for two mono programmes.
  for (let programme = channelMode === 0 ? 2 : 1; programme > 0; programme -= 1) {
    bits.skip(5);
    if (bits.flag()) bits.skip(8);
  }
  const channelMap = streamType === 1 && bits.flag() ? bits.bits(16) : 0;
  return {
    enhanced: true,
    streamType,
    substreamId,
    size,
    sampleRateCode,
    sampleRate: reduced ? rate / 2 : rate,
    bsid,
    bsmod: 0, // after the mixing metadata; 0 (main service) in all live broadcasts
    channelMode,
    lfe,
    samples: (reduced ? 6 : (BLOCKS[second] ?? 6)) * BLOCK_SAMPLES,
    bitRateCode: 0,
    channelMap,
  };
}

/** PCM samples of an access unit, which are those of its independent substream 0. */
export function ac3Samples(accessUnit: Buffer): number {
  return ac3Frames(accessUnit)
    .filter(({ streamType, substreamId }) => streamType !== 1 && substreamId === 0)
    .reduce((sum, { samples }) => sum + samples, 0);
}
