// A player decides by the CODECS attribute alone whether it can play: the string must say what the parameter sets say.
import type { AudioSpecificConfig } from './aac.js';
import type { AvcDecoderConfiguration } from './avc.js';

const OBJECT_TYPE_SBR = 5;
const OBJECT_TYPE_PS = 29;

/** RFC 6381 3.3: `avc1.PPCCLL`, the three bytes after the NAL header of the SPS. */
export function avcCodecString(configuration: AvcDecoderConfiguration, sampleEntry: 'avc1' | 'avc3' = 'avc1'): string {
  const { profile, compatibility, level } = configuration.spsInfo;
  return `${sampleEntry}.${hexByte(profile)}${hexByte(compatibility)}${hexByte(level)}`;
}

/** RFC 6381 3.3: `mp4a.40.N`. HE-AAC is never announced as LC: 29 with parametric stereo, 5 with SBR, else the core type. */
export function aacCodecString(config: AudioSpecificConfig): string {
  return `mp4a.40.${config.ps ? OBJECT_TYPE_PS : config.sbr ? OBJECT_TYPE_SBR : config.objectType}`;
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}
