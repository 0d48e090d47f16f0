// Makes the error for an FFmpeg that has ended: what happened, the cause if it is known, and its last lines of stderr.
import { assertNever, type SluiceError } from '../protocols/errors.js';
import { transcodeError } from './errors.js';
import { failureReason } from './failure-reason.js';
import type { FfmpegExit } from './ffmpeg-process.js';

/** Number of stderr lines in an error text. All lines that are kept are logged. */
const LINES_IN_ERROR = 5;

export interface EndedRun {
  readonly exit: FfmpegExit;
  readonly stderrLines: readonly string[];
  /** Whether it was killed because it took input but produced no output. */
  readonly stalled: boolean;
  /** Why its output was rejected, if it was killed for that. */
  readonly rejected: SluiceError | undefined;
}

export function exitError({ exit, stderrLines, stalled, rejected }: EndedRun): SluiceError {
  const lines = stderrLines.slice(-LINES_IN_ERROR);
  const reason = failureReason(stderrLines);
  const said = `${reason === undefined ? '' : `: ${reason}`}${lines.length === 0 ? '' : `; it said: ${lines.join(' | ')}`}`;
  if (rejected !== undefined) {
    return transcodeError('transcode.output-invalid', `${rejected.message}${said}`, { cause: rejected });
  }
  if (stalled) return transcodeError('transcode.stalled', `FFmpeg took input but gave no output${said}`);
  switch (exit.kind) {
    case 'not-started':
      return transcodeError('transcode.start-failed', exit.cause.message, { cause: exit.cause });
    case 'exited':
      return transcodeError('transcode.exited', `FFmpeg exited with code ${exit.code} before its input ended${said}`);
    case 'killed': {
      // The gateway did not kill it: stops, stalls and rejected output are handled above.
      const hint = exit.signal === 'SIGKILL' && reason === undefined ? ' (by the kernel, if memory ran out)' : '';
      return transcodeError(
        'transcode.exited',
        `FFmpeg was ended by ${exit.signal}${hint} before its input ended${said}`,
      );
    }
    default:
      return assertNever(exit);
  }
}
