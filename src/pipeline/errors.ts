// What can go wrong between the rooms, or before any of them can work, rather than in one of them.
import { defineErrors } from '../protocols/errors.js';

export const pipelineError = defineErrors({
  'pipeline.directory': {
    kind: 'unavailable',
    summary:
      'A directory that the gateway writes to cannot be made or written. Fix its owner or mode, or choose another.',
  },
  'pipeline.failed': {
    kind: 'unavailable',
    summary: 'A stream could not be set up for a reason nobody foresaw; the log has the cause. A bug worth reporting.',
  },
});
