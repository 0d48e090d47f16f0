// The numbers of the protocol, each named once, so that no other file contains a bare 20 or 3.

/** Message type ids (RTMP 1.0 5.4 and 7.1). */
export const MESSAGE_TYPE = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAcknowledgementSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  dataAmf0: 18,
  commandAmf0: 20,
  aggregate: 22,
} as const;

/** User control event types (7.1.7). */
export const USER_CONTROL_EVENT = {
  streamBegin: 0,
  streamEof: 1,
  streamDry: 2,
  setBufferLength: 3,
  streamIsRecorded: 4,
  pingRequest: 6,
  pingResponse: 7,
} as const;

/**
 * Chunk stream ids. 5.4 requires id 2 for protocol control. The others are those of Flash Media Server and common encoders, which strict
 * clients expect.
 */
export const CHUNK_STREAM = {
  control: 2,
  command: 3,
  audio: 4,
  status: 5,
  video: 6,
  publish: 8,
} as const;

/** How each kind of media is sent: on the chunk streams that peers know from Flash Media Server. */
export const OUTGOING_MEDIA = {
  audio: { chunkStreamId: CHUNK_STREAM.audio, type: MESSAGE_TYPE.audio },
  video: { chunkStreamId: CHUNK_STREAM.video, type: MESSAGE_TYPE.video },
  script: { chunkStreamId: CHUNK_STREAM.audio, type: MESSAGE_TYPE.dataAmf0 },
} as const;

/** 5.4: protocol control messages "should have message stream ID 0 (known as the control stream)". */
export const CONTROL_MESSAGE_STREAM = 0;
