// The error codes of messages to servers of the operator.

import { defineErrors } from '../protocols/errors.js';

export const eventsError = defineErrors({
  'events.undelivered': {
    kind: 'unavailable',
    summary:
      'Only in the log. A message to a server of the operator was given up: the server did not accept it for a day, or too many messages were waiting. Look at the log of that server.',
  },
  'events.outbox': {
    kind: 'unavailable',
    summary:
      'Only in the log. The file of messages that are not delivered yet cannot be read or written in the state directory (disk full, read-only). They are kept in memory meanwhile, and are lost if the process ends.',
  },
});
