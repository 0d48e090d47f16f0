// RTMP messages as bodies on the wire and as typed messages: one table for decoding, encoding and round trips.

import { amfObject } from '../../src/protocols/amf/values.js';
import type { RtmpMessage } from '../../src/protocols/rtmp/messages.js';

export interface MessageVector {
  readonly name: string;
  /** Message type id. */
  readonly type: number;
  readonly messageStreamId?: number;
  readonly timestamp?: number;
  readonly hex: string;
  readonly value: RtmpMessage;
  /** False where several encodings mean the same and ours is another one, and for what we never send. */
  readonly canonical?: false;
}

const media = { messageStreamId: 1, timestamp: 40 };

export const MESSAGE_VECTORS: readonly MessageVector[] = [
  { name: 'set chunk size', type: 1, hex: '00001000', value: { type: 'set-chunk-size', chunkSize: 4096 } },
  { name: 'abort', type: 2, hex: '00000004', value: { type: 'abort', chunkStreamId: 4 } },
  {
    name: 'acknowledgement',
    type: 3,
    hex: 'ffffffff',
    value: { type: 'acknowledgement', sequenceNumber: 0xffffffff },
  },
  {
    name: 'window acknowledgement size',
    type: 5,
    hex: '002625a0',
    value: { type: 'window-acknowledgement-size', windowSize: 2_500_000 },
  },
  {
    name: 'set peer bandwidth, dynamic',
    type: 6,
    hex: '002625a002',
    value: { type: 'set-peer-bandwidth', windowSize: 2_500_000, limitType: 'dynamic' },
  },
  {
    name: 'set peer bandwidth, hard',
    type: 6,
    hex: '0000000100',
    value: { type: 'set-peer-bandwidth', windowSize: 1, limitType: 'hard' },
  },
  {
    name: 'set peer bandwidth without or with an unknown limit type',
    type: 6,
    hex: '0000000109',
    value: { type: 'set-peer-bandwidth', windowSize: 1, limitType: 'dynamic' },
    canonical: false,
  },
  {
    name: 'stream begin',
    type: 4,
    hex: '000000000001',
    value: { type: 'user-control', event: { type: 'stream-begin', messageStreamId: 1 } },
  },
  {
    name: 'stream EOF',
    type: 4,
    hex: '000100000001',
    value: { type: 'user-control', event: { type: 'stream-eof', messageStreamId: 1 } },
  },
  {
    name: 'set buffer length',
    type: 4,
    hex: '000300000001000003e8',
    value: { type: 'user-control', event: { type: 'set-buffer-length', messageStreamId: 1, bufferLength: 1000 } },
  },
  {
    name: 'ping request',
    type: 4,
    hex: '0006deadbeef',
    value: { type: 'user-control', event: { type: 'ping-request', timestamp: 0xdeadbeef } },
  },
  {
    name: 'ping response',
    type: 4,
    hex: '0007deadbeef',
    value: { type: 'user-control', event: { type: 'ping-response', timestamp: 0xdeadbeef } },
  },
  {
    name: 'A2.25 user control event 31',
    type: 4,
    hex: '001f00000001',
    value: { type: 'user-control', event: { type: 'other', eventType: 31, data: Buffer.from('00000001', 'hex') } },
  },
  {
    name: 'A2.25 ping request cut short',
    type: 4,
    hex: '0006dead',
    value: { type: 'user-control', event: { type: 'other', eventType: 6, data: Buffer.from('dead', 'hex') } },
  },
  {
    name: 'A2.25 user control of one byte',
    type: 4,
    hex: '00',
    value: { type: 'unknown', messageType: 4 },
    canonical: false,
  },
  { name: 'audio', type: 8, ...media, hex: 'af0101', value: { type: 'audio', ...media, body: Buffer.of(0xaf, 1, 1) } },
  { name: 'video', type: 9, ...media, hex: '1701', value: { type: 'video', ...media, body: Buffer.of(0x17, 1) } },
  { name: 'data', type: 18, ...media, hex: '05', value: { type: 'data', ...media, body: Buffer.of(5) } },
  {
    name: 'A4.19 AMF3 data with its leading zero',
    type: 15,
    ...media,
    hex: '0005',
    value: { type: 'data', ...media, body: Buffer.of(5) },
    canonical: false,
  },
  {
    name: 'aggregate',
    type: 22,
    ...media,
    hex: '00',
    value: { type: 'aggregate', ...media, body: Buffer.of(0) },
  },
  {
    name: 'createStream of FFmpeg',
    type: 20,
    hex: '02000c63726561746553747265616d00401000000000000005',
    value: { type: 'command', messageStreamId: 0, name: 'createStream', transactionId: 4, values: [null] },
  },
  {
    name: 'connect with an application',
    type: 20,
    hex: '020007636f6e6e656374003ff00000000000000300036170700200046c697665000009',
    value: {
      type: 'command',
      messageStreamId: 0,
      name: 'connect',
      transactionId: 1,
      values: [amfObject([['app', 'live']])],
    },
  },
  {
    name: 'A4.19 AMF3 command with its leading zero',
    type: 17,
    hex: '0002000c63726561746553747265616d00401000000000000005',
    value: { type: 'command', messageStreamId: 0, name: 'createStream', transactionId: 4, values: [null] },
    canonical: false,
  },
  {
    name: 'A4.19 AMF3 command without it',
    type: 17,
    hex: '02000c63726561746553747265616d00401000000000000005',
    value: { type: 'command', messageStreamId: 0, name: 'createStream', transactionId: 4, values: [null] },
    canonical: false,
  },
  {
    name: 'A4.18 |RtmpSampleAccess as a command without a transaction id',
    type: 20,
    hex: '0200117c52746d7053616d706c6541636365737301010101',
    value: { type: 'command', messageStreamId: 0, name: '|RtmpSampleAccess', transactionId: 0, values: [true, true] },
    canonical: false,
  },
  { name: 'A2.26 type 0', type: 0, hex: '00000000', value: { type: 'unknown', messageType: 0 }, canonical: false },
  {
    name: 'A2.26 shared object',
    type: 19,
    hex: '00000000',
    value: { type: 'unknown', messageType: 19 },
    canonical: false,
  },
  { name: 'A2.26 type 255', type: 255, hex: 'ff', value: { type: 'unknown', messageType: 255 }, canonical: false },
  {
    name: 'an acknowledgement of 3 bytes',
    type: 3,
    hex: '000000',
    value: { type: 'unknown', messageType: 3 },
    canonical: false,
  },
];
