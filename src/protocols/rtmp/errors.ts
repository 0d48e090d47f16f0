// The error codes of the RTMP protocol. Each of them ends the connection of the peer that caused it, and nothing else.

import { defineErrors } from '../errors.js';

export const rtmpError = defineErrors({
  'rtmp.not-rtmp': {
    kind: 'invalid-data',
    summary: 'The first byte is not an RTMP version: a browser, a TLS client or a port scanner called the RTMP port.',
  },
  'rtmp.chunk-header': {
    kind: 'invalid-data',
    summary:
      'A chunk header contradicts earlier chunks. The encoder, or something on the way, has corrupted the chunk stream.',
  },
  'rtmp.chunk-size': {
    kind: 'invalid-data',
    summary: 'The peer announced a chunk size outside 128 to 0x7fffffff bytes.',
  },
  'rtmp.chunk-streams': {
    kind: 'limit',
    summary: 'The peer used more chunk streams than any encoder does.',
  },
  'rtmp.message-size': {
    kind: 'limit',
    summary: 'The peer announced a message larger than its type allows; see docs/limits.md.',
  },
  'rtmp.pending-bytes': {
    kind: 'limit',
    summary: 'The unfinished messages of the peer have more bytes than one connection may hold.',
  },
  'rtmp.command': {
    kind: 'invalid-data',
    summary: 'A command message is not AMF, or has no usable name and transaction id.',
  },
  'rtmp.connect': {
    kind: 'invalid-state',
    summary: 'The peer sent no usable connect command, sent it twice, or sent other commands before it.',
  },
  'rtmp.app-name': {
    kind: 'invalid-data',
    summary: 'The application in the URL has characters outside A-Z a-z 0-9 _ . - or is longer than 255 bytes.',
  },
  'rtmp.stream-name': {
    kind: 'invalid-data',
    summary: 'The stream name is empty, longer than 255 bytes or has characters outside A-Z a-z 0-9 _ . -',
  },
  'rtmp.message-streams': {
    kind: 'limit',
    summary: 'The peer created more message streams than one connection may have.',
  },
  'rtmp.rejected': {
    kind: 'denied',
    summary: 'The server that we publish to refused; the message holds its code.',
  },
  'rtmp.internal': {
    kind: 'invalid-state',
    summary: 'A bug in Sluice met these bytes; the connection was closed. Please report it with the log line.',
  },
});
