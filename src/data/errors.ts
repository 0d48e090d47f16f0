// The error codes of timed events.
import { defineErrors } from '../protocols/errors.js';

export const dataError = defineErrors({
  'data.no-such-stream': {
    kind: 'invalid-state',
    summary: 'No stream of this name is live, so it has no events; events can be sent as soon as the stream has media.',
  },
  'data.event-size': { kind: 'limit', summary: 'The event is too large; send less, or a link to the rest.' },
  'data.event-rate': { kind: 'limit', summary: 'Too many events were sent to this stream; wait before the next one.' },
  'data.event-time': {
    kind: 'invalid-data',
    summary: 'The time of the event is too far in the past or in the future of the stream.',
  },
});
