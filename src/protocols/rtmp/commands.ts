// Converts command messages to typed commands, in whatever form the encoder or player sends the arguments.

import { type AmfValue, amfProperties } from '../amf/values.js';
import type { CommandMessage } from './messages.js';

/**
 * The Enhanced RTMP capabilities that the peer announced in its connect command, with the names of the specification. A legacy encoder
 * announces none.
 */
export interface EnhancedCapabilities {
  readonly fourCcList?: readonly string[];
  /** Maps a FourCC, or `*`, to a bit mask: decode 1, encode 2, forward 4. */
  readonly videoFourCcInfoMap?: ReadonlyMap<string, number>;
  readonly audioFourCcInfoMap?: ReadonlyMap<string, number>;
  /** Bit mask: reconnect 1, multitrack 2, ModEx 4, nanosecond timestamps 8. */
  readonly capsEx?: number;
}

/** RTMP 1.0 7.2.1.1, with the properties of the command object that are used here. */
export interface ConnectCommand {
  readonly type: 'connect';
  readonly transactionId: number;
  readonly app?: string;
  readonly tcUrl?: string;
  readonly flashVer?: string;
  /** 0 (AMF0) or 3 (AMF3); echoed in the answer. */
  readonly objectEncoding: number;
  readonly enhanced: EnhancedCapabilities;
}

/** 7.2.2.6. A name that is empty or not a string asks to end the publish. */
export interface PublishCommand {
  readonly type: 'publish';
  readonly name: string;
  readonly publishType: string;
}

/** 7.2.2.1. A name that is empty or not a string asks to end the play. */
export interface PlayCommand {
  readonly type: 'play';
  readonly name: string;
  /** As sent; -2 if absent. The specification says seconds, but players send milliseconds: -2000, -1000, or 0 and more. */
  readonly start: number;
  /** As sent; -1 if absent. */
  readonly duration: number;
  /** Whether to flush what was played before. True if the argument is absent. */
  readonly reset: boolean;
}

export type PeerCommand =
  | ConnectCommand
  | PublishCommand
  | PlayCommand
  | { readonly type: 'release-stream' | 'fc-publish' | 'create-stream'; readonly transactionId: number }
  | { readonly type: 'fc-unpublish' | 'close-stream' }
  /** `fcUnsubscribe` names a stream, as `play` does. */
  | { readonly type: 'fc-subscribe'; readonly transactionId: number }
  | { readonly type: 'fc-unsubscribe'; readonly transactionId: number; readonly name: string }
  /** 7.2.2.8. The player's current position, in milliseconds. */
  | { readonly type: 'pause'; readonly paused: boolean; readonly position: number }
  /** 7.2.2.7. The requested position, in milliseconds. */
  | { readonly type: 'seek'; readonly position: number }
  /** 7.2.2.4, 7.2.2.5. */
  | { readonly type: 'receive'; readonly kind: 'audio' | 'video'; readonly wanted: boolean }
  /** 7.2.2.3. Undefined if the argument is missing or not a number: GStreamer sends the stream's name. */
  | { readonly type: 'delete-stream'; readonly target: number | undefined }
  | { readonly type: 'stream-length'; readonly transactionId: number }
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
      return parsePlay(commandArguments(values));
    case 'FCSubscribe':
      return { type: 'fc-subscribe', transactionId };
    case 'FCUnsubscribe':
      return { type: 'fc-unsubscribe', transactionId, name: text(commandArguments(values)[0]) ?? '' };
    case 'pause':
    case 'pauseRaw': {
      const [paused, position] = commandArguments(values);
      return { type: 'pause', paused: paused !== false && paused !== 0, position: number(position) ?? 0 };
    }
    case 'unpause':
      return { type: 'pause', paused: false, position: number(commandArguments(values)[0]) ?? 0 };
    case 'seek':
      return { type: 'seek', position: number(commandArguments(values)[0]) ?? 0 };
    case 'receiveAudio':
    case 'receiveVideo': {
      const wanted = commandArguments(values)[0];
      return {
        type: 'receive',
        kind: name === 'receiveAudio' ? 'audio' : 'video',
        wanted: wanted !== false && wanted !== 0,
      };
    }
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
    case 'getStreamLength':
      return { type: 'stream-length', transactionId };
    default:
      return { type: 'other', name, transactionId };
  }
}

/** Returns the arguments after the command object. That object is null for all commands except `connect`, and some encoders omit it. */
function commandArguments(values: readonly AmfValue[]): readonly AmfValue[] {
  const first = values[0];
  const isCommandObject = first === null || first === undefined || amfProperties(first) !== undefined;
  return isCommandObject ? values.slice(1) : values;
}

function parsePlay([name, start, duration, reset]: readonly AmfValue[]): PlayCommand {
  return {
    type: 'play',
    name: text(name) ?? '',
    start: number(start) ?? -2,
    duration: number(duration) ?? -1,
    reset: reset !== false && reset !== 0,
  };
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

/**
 * Enhanced RTMP v2, "Enhancing NetConnection connect Command".
 * @param objects where they may be: the object of `connect`; in its answer, the properties or the information
 */
export function parseEnhanced(
  ...objects: readonly (ReadonlyMap<string, AmfValue> | undefined)[]
): EnhancedCapabilities {
  const get = (key: string): AmfValue => objects.find((object) => object?.has(key))?.get(key);
  const list = get('fourCcList');
  const video = infoMap(get('videoFourCcInfoMap'));
  const audio = infoMap(get('audioFourCcInfoMap'));
  const capsEx = get('capsEx');
  return {
    ...(Array.isArray(list) && { fourCcList: list.filter((item) => typeof item === 'string') }),
    ...(video !== undefined && { videoFourCcInfoMap: video }),
    ...(audio !== undefined && { audioFourCcInfoMap: audio }),
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

/** Accepts only finite numbers, because comparisons with NaN are always false. */
function number(value: AmfValue): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function text(value: AmfValue): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
