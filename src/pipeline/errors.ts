// Errors that concern several modules, or that prevent the start of all of them.
import { defineErrors, SluiceError } from '../protocols/errors.js';

export const pipelineError = defineErrors({
  'pipeline.directory': {
    kind: 'unavailable',
    summary:
      'A directory that the gateway writes to cannot be made or written. Fix its owner or mode, or choose another.',
  },
  'pipeline.directory-in-use': {
    kind: 'invalid-state',
    summary:
      'Another gateway that runs uses this media or state directory. Stop it, or give this one directories of its own.',
  },
  'pipeline.nothing-to-serve': {
    kind: 'unsupported',
    summary:
      'Nothing that is published can be served without encoding, and nothing can be encoded here; the text says why.',
  },
  'pipeline.long-gop': {
    kind: 'limit',
    summary:
      'The key frames of a publisher are too far apart to cut segments: set its keyframe interval to 1 to 4 s. Until then `source` is re-encoded.',
  },
  'pipeline.reduced': {
    kind: 'unavailable',
    summary:
      'A stream is served with fewer renditions than its ladder asks for; the text says which are missing and why.',
  },
  'pipeline.withdrawn': {
    kind: 'unavailable',
    summary:
      'Renditions were taken out of a running stream because FFmpeg failed too often or could not keep up; the others go on.',
  },
  'pipeline.slate': {
    kind: 'unavailable',
    summary:
      'The slate cannot be shown: its file cannot be read or played, or the stream is not one it can stand in for. Without it the stream waits as usual.',
  },
  'pipeline.failed': {
    kind: 'unavailable',
    summary:
      'An internal error ended this stream, or kept it from being set up; the log has the stack. The other streams go on, and the name can be published again at once. Please report it.',
  },
});

export function asSluiceError(error: unknown): SluiceError {
  return error instanceof SluiceError ? error : pipelineError('pipeline.failed', String(error), { cause: error });
}
