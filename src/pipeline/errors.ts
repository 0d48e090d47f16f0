// What can go wrong between the rooms rather than in one of them.
import { defineErrors } from '../protocols/errors.js';

export const pipelineError = defineErrors({
  'pipeline.failed': {
    kind: 'unavailable',
    summary: 'A stream could not be set up for a reason nobody foresaw; the log has the cause. A bug worth reporting.',
  },
});
