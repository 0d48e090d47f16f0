// The Enhanced RTMP capabilities of this program. As a server it sends them only to clients that announced their own, because old encoders
// fail on unknown keys.

import { type AmfValue, amfObject } from '../amf/values.js';
import type { EnhancedCapabilities } from './commands.js';

/** Bits of the FourCC info maps ("FourCcInfoMask"). */
const CAN_DECODE = 1;
const CAN_FORWARD = 4;

/** Bits of `capsEx` ("CapsExMask"). */
export const CAPS_EX = { reconnect: 1, multitrack: 2, modEx: 4, timestampNanoOffset: 8 } as const;

const VIDEO_FOUR_CCS = ['avc1', 'hvc1', 'av01', 'vp09'];
const AUDIO_FOUR_CCS = ['Opus', 'fLaC', 'ac-3', 'ec-3', '.mp3', 'mp4a'];

const OWN_CAPS_EX = CAPS_EX.reconnect | CAPS_EX.multitrack | CAPS_EX.modEx | CAPS_EX.timestampNanoOffset;

/**
 * The properties for the answer to `connect` (Enhanced RTMP v2, "Enhancing NetConnection connect Command"): what this server supports,
 * whatever the client listed (even `*`). Empty if the client sent no capabilities.
 */
export function capabilitiesFor(client: EnhancedCapabilities): [string, AmfValue][] {
  const pairs: [string, AmfValue][] = [];
  if (client.fourCcList !== undefined) pairs.push(['fourCcList', [...VIDEO_FOUR_CCS, ...AUDIO_FOUR_CCS]]);
  if (client.videoFourCcInfoMap !== undefined) pairs.push(['videoFourCcInfoMap', infoMap(VIDEO_FOUR_CCS)]);
  if (client.audioFourCcInfoMap !== undefined) pairs.push(['audioFourCcInfoMap', infoMap(AUDIO_FOUR_CCS)]);
  if (client.capsEx !== undefined) pairs.push(['capsEx', OWN_CAPS_EX]);
  return pairs;
}

/** The properties for our own `connect`. As a client, we do not send timestamps in nanoseconds and no further tracks. */
export function ownCapabilities(): [string, AmfValue][] {
  return [
    ['fourCcList', [...VIDEO_FOUR_CCS, ...AUDIO_FOUR_CCS]],
    ['videoFourCcInfoMap', infoMap(VIDEO_FOUR_CCS)],
    ['audioFourCcInfoMap', infoMap(AUDIO_FOUR_CCS)],
    ['capsEx', CAPS_EX.reconnect],
  ];
}

function infoMap(fourCcs: readonly string[]): AmfValue {
  return amfObject(fourCcs.map((fourCc) => [fourCc, CAN_DECODE | CAN_FORWARD]));
}
