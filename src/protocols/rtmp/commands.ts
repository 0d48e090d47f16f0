// Gives the commands of encoders and players names and types, whatever shape of arguments each of them sends.

import { type AmfValue, amfProperties } from '../amf/values.js';
import type { CommandMessage } from './messages.js';

/** What the peer said about Enhanced RTMP in its connect command; all absent for a legacy encoder. */
export interface EnhancedCapabilities {
  readonly fourCcList?: readonly string[];
  /** FourCC, or `*`, to a mask of decode 1, encode 2, forward 4. */
  readonly videoFourCcInfo?: ReadonlyMap<string, number>;
  readonly audioFourCcInfo?: ReadonlyMap<string, number>;
  /** Mask of reconnect 1, multitrack 2, ModEx 4, nanosecond timestamps 8. */
  readonly capsEx?: number;
}

/** RTMP 1.0 7.2.1.1, with what is used of the command object. */
export interface ConnectCommand {
  readonly type: 'connect';
  readonly transactionId: number;
  readonly app?: string;
  readonly tcUrl?: string;
  readonly flashVer?: string;
  /** 0 or 3; echoed in the answer. */
  readonly objectEncoding: number;
  readonly enhanced: EnhancedCapabilities;
}

/** 7.2.2.6. An empty name, or one that is no string, asks for the end of the publish. */
export interface PublishCommand {
  readonly type: 'publish';
  readonly name: string;
  readonly publishType: string;
}

export type PeerCommand =
  | ConnectCommand
  | PublishCommand
  | { readonly type: 'release-stream' | 'fc-publish' | 'create-stream'; readonly transactionId: number }
  | { readonly type: 'fc-unpublish' | 'close-stream' }
  | { readonly type: 'play'; readonly name: string }
  /** 7.2.2.3. Undefined when the argument is missing or no number: GStreamer sends the stream's name. */
  | { readonly type: 'delete-stream'; readonly target: number | undefined }
  | { readonly type: 'other'; readonly name: string; readonly transactionId: number };

export function parseCommand({ name, transactionId, values }: CommandMessage): PeerCommand {
  switch (name) {
    case 'connect':
      return parseConnect(transactionId, values);
    case 'publish': {
      const [streamName, publishType] = commandArguments(values);
      return { type: 'publish', name: text(streamName) ?? '', publishType: text(publishType) ?? '' };
    }
    case 'play':
      return { type: 'play', name: text(commandArguments(values)[0]) ?? '' };
    case 'releaseStream':
      return { type: 'release-stream', transactionId };
    case 'FCPublish':
      return { type: 'fc-publish', transactionId };
    case 'FCUnpublish':
      return { type: 'fc-unpublish' };
    case 'createStream':
      return { type: 'create-stream', transactionId };
    case 'deleteStream': {
      const target = commandArguments(values)[0];
      return { type: 'delete-stream', target: typeof target === 'number' ? target : undefined };
    }
    case 'closeStream':
      return { type: 'close-stream' };
    default:
      return { type: 'other', name, transactionId };
  }
}

/** The command object comes before the arguments and is null for all but `connect`; some encoders leave it out. */
function commandArguments(values: readonly AmfValue[]): readonly AmfValue[] {
  const first = values[0];
  const isCommandObject = first === null || first === undefined || amfProperties(first) !== undefined;
  return isCommandObject ? values.slice(1) : values;
}

function parseConnect(transactionId: number, values: readonly AmfValue[]): ConnectCommand {
  const properties = amfProperties(values[0]) ?? new Map<string, AmfValue>();
  const app = text(properties.get('app'));
  const tcUrl = text(properties.get('tcUrl')) ?? text(properties.get('tcurl'));
  const flashVer = text(properties.get('flashVer')) ?? text(properties.get('flashver'));
  return {
    type: 'connect',
    transactionId,
    ...(app !== undefined && { app }),
    ...(tcUrl !== undefined && { tcUrl }),
    ...(flashVer !== undefined && { flashVer }),
    objectEncoding: properties.get('objectEncoding') === 3 ? 3 : 0,
    enhanced: parseEnhanced(properties),
  };
}

/** Enhanced RTMP v2, "Enhancing NetConnection connect Command". */
function parseEnhanced(properties: ReadonlyMap<string, AmfValue>): EnhancedCapabilities {
  const list = properties.get('fourCcList');
  const video = infoMap(properties.get('videoFourCcInfoMap'));
  const audio = infoMap(properties.get('audioFourCcInfoMap'));
  const capsEx = properties.get('capsEx');
  return {
    ...(Array.isArray(list) && { fourCcList: list.filter((item) => typeof item === 'string') }),
    ...(video !== undefined && { videoFourCcInfo: video }),
    ...(audio !== undefined && { audioFourCcInfo: audio }),
    ...(typeof capsEx === 'number' && { capsEx }),
  };
}

function infoMap(value: AmfValue): ReadonlyMap<string, number> | undefined {
  const properties = amfProperties(value);
  if (properties === undefined) return undefined;
  const masks = new Map<string, number>();
  for (const [fourCc, mask] of properties) if (typeof mask === 'number') masks.set(fourCc, mask);
  return masks;
}

function text(value: AmfValue): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
