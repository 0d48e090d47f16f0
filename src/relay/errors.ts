// The error codes of push targets and pull sources. None of them affects the stream or its viewers.

import { defineErrors } from '../protocols/errors.js';

export const relayError = defineErrors({
  'relay.url': {
    kind: 'invalid-data',
    summary:
      'The URL of a target or source cannot be used; the message says why, without the URL, because it contains a key.',
  },
  'relay.host': {
    kind: 'denied',
    summary: 'The host of the URL is not one of `relayHosts`.',
  },
  'relay.connection': {
    kind: 'unavailable',
    summary:
      'The other server could not be reached, did not answer, or closed the connection. The gateway tries again.',
  },
  'relay.certificate': {
    kind: 'denied',
    summary: 'The certificate of the other server is not trusted, or is not the pinned one. The gateway tries again.',
  },
  'relay.refused': {
    kind: 'denied',
    summary:
      'The other server refused the stream; the message has its code and text. Check the key. The gateway tries again every minute.',
  },
  'relay.stalled': {
    kind: 'unavailable',
    summary:
      'The other server accepted no bytes for 15 s, or asked for answers that it did not read. The connection was closed, and a new one is made.',
  },
  'relay.codec': {
    kind: 'unsupported',
    summary:
      'The other server does not announce the codec of the stream. Publish H.264 and AAC, or list the codec in `codecs`.',
  },
  'relay.loop': {
    kind: 'invalid-state',
    summary: 'The target is this gateway and the same stream, so the stream would be published to itself.',
  },
  'relay.in-use': {
    kind: 'invalid-state',
    summary:
      'Another stream is being sent to this URL: use {name} in the URL of a target for several streams. For a source: a publisher has its name.',
  },
  'relay.moved': {
    kind: 'unavailable',
    summary:
      'The other server asked for a new connection. It is made at once, or after a pause if the last one was shorter than 10 s.',
  },
  'relay.no-such-target': {
    kind: 'invalid-state',
    summary: 'There is no target with this id.',
  },
  'relay.configured': {
    kind: 'invalid-state',
    summary: 'The target is in the configuration file; change it there.',
  },
  'relay.target-limit': {
    kind: 'limit',
    summary: 'The maximum number of targets is reached.',
  },
  'relay.targets': {
    kind: 'unavailable',
    summary: 'The file of targets in the state directory cannot be read or written.',
  },
});
