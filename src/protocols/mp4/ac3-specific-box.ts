// The boxes dac3 and dec3. They repeat fields of AC-3 frames, so that a player can choose its decoder before the first frame.
import { BitReader } from '../bytes/bit-reader.js';
import { type Ac3Configuration, channelsOfLocations, channelsOfMode, sampleRateOfCode } from './ac3.js';
import { readRecord } from './read-record.js';

interface Ac3Sound {
  readonly sampleRate: number;
  readonly channels: number;
}

/** ETSI TS 102 366 F.4: the content of dac3. */
export function writeAc3SpecificBox({ main }: Ac3Configuration): Buffer {
  const { sampleRateCode, bsid, bsmod, channelMode, lfe, bitRateCode } = main;
  const out = Buffer.alloc(3);
  const head = (sampleRateCode << 22) | (bsid << 17) | (bsmod << 14) | (channelMode << 11);
  out.writeUIntBE(head | ((lfe ? 1 : 0) << 10) | (bitRateCode << 5), 0, 3);
  return out;
}

/** ETSI TS 102 366 F.6: the content of dec3, with one independent substream. */
export function writeEac3SpecificBox(configuration: Ac3Configuration): Buffer {
  const { main, dependentSubstreams, channelLocations, bitRate } = configuration;
  const { sampleRateCode, bsid, bsmod, channelMode, lfe } = main;
  const out = Buffer.alloc(dependentSubstreams > 0 ? 6 : 5);
  out.writeUInt16BE(Math.min(bitRate, 0x1fff) << 3, 0); // num_ind_sub 0: one
  out.writeUInt16BE((sampleRateCode << 14) | (bsid << 9) | (bsmod << 4) | (channelMode << 1) | (lfe ? 1 : 0), 2);
  if (dependentSubstreams > 0) out.writeUInt16BE((Math.min(dependentSubstreams, 15) << 9) | channelLocations, 4);
  return out;
}

/** @throws mp4.audio-configuration, mp4.audio-frame */
export function parseAc3SpecificBox(dac3: Buffer): Ac3Sound {
  return readRecord('mp4.audio-configuration', dac3, (bytes) => {
    const bits = new BitReader(bytes);
    const rateCode = bits.bits(2);
    const bsid = bits.bits(5);
    bits.skip(3);
    const channels = channelsOfMode(bits.bits(3), bits.flag());
    return { sampleRate: sampleRateOfCode(rateCode) >> Math.max(0, bsid - 8), channels };
  });
}

/** Parses the first independent substream and its dependent ones. @throws mp4.audio-configuration, mp4.audio-frame */
export function parseEac3SpecificBox(dec3: Buffer): Ac3Sound {
  return readRecord('mp4.audio-configuration', dec3, (bytes) => {
    const bits = new BitReader(bytes);
    bits.skip(13 + 3);
    const rateCode = bits.bits(2);
    bits.skip(5 + 2 + 3);
    const channels = channelsOfMode(bits.bits(3), bits.flag());
    bits.skip(3);
    const extra = bits.bits(4) > 0 ? channelsOfLocations(bits.bits(9)) : 0;
    // Code 3 means a reduced rate that dec3 does not specify; encoders use it for 24 kHz.
    return { sampleRate: rateCode === 3 ? 24_000 : sampleRateOfCode(rateCode), channels: channels + extra };
  });
}
