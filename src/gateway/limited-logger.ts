// Limits the rate of log lines about streams, for all streams together: a publisher that reconnects again and again causes half a dozen
// lines each time.
import type { Logger } from '../contracts/logger.js';
import { LogLimiter } from '../servers/rtmp/log-limiter.js';

/** Lines of one kind in 10 s; enough for about a hundred publishers that come back after a restart. */
const LINES = 60;

/** @param now monotonic clock */
export function limitedLogger(logger: Logger, now?: () => number): Logger {
  const limiter = new LogLimiter(now, LINES);
  const limited =
    (level: 'info' | 'warn' | 'error') =>
    (fields: object, message: string): void => {
      const admitted = limiter.admit(`${level} ${kindOf(fields, message)}`);
      if (admitted !== undefined) logger[level]({ ...fields, ...admitted }, message);
    };
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: limited('info'),
    warn: limited('warn'),
    error: limited('error'),
  };
}

/** The error code, or the message up to its first colon, because the text after it differs from stream to stream. */
function kindOf(fields: object, message: string): string {
  if ('code' in fields && typeof fields.code === 'string') return fields.code;
  return message.split(':', 1)[0] ?? '';
}
