// Copies a program config element from an AAC frame to an AudioSpecificConfig. The bits stay the same, but the byte alignment is at another
// place.
import type { BitReader } from '../bytes/bit-reader.js';

/**
 * Reads a program_config_element (ISO/IEC 14496-3 4.4.1.1) after its id, at the beginning of a raw_data_block.
 * @returns the element in the form for a GASpecificConfig that ends on a byte boundary before it
 * @throws bytes.truncated
 */
export function copyProgramConfig(bits: BitReader): Buffer {
  const copied: (0 | 1)[] = [];
  const copy = (count: number): number => {
    let value = 0;
    for (let index = 0; index < count; index += 1) {
      const bit = bits.bit();
      copied.push(bit);
      value = value * 2 + bit;
    }
    return value;
  };
  copy(4 + 2 + 4); // element_instance_tag, object_type, sampling_frequency_index
  const front = copy(4);
  const side = copy(4);
  const back = copy(4);
  const lfe = copy(2);
  const associated = copy(3);
  const coupling = copy(4);
  if (copy(1) === 1) copy(4); // mono mixdown
  if (copy(1) === 1) copy(4); // stereo mixdown
  if (copy(1) === 1) copy(3); // matrix mixdown
  copy((front + side + back) * 5 + lfe * 4 + associated * 4 + coupling * 5);
  while (copied.length % 8 !== 0) copied.push(0);
  bits.skip(bits.bitsLeft % 8); // byte_alignment() of the frame
  const comment = copy(8);
  copy(comment * 8);
  const bytes = Buffer.alloc(copied.length / 8);
  copied.forEach((bit, index) => {
    bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (bit << (7 - (index & 7)));
  });
  return bytes;
}
