// Adds the name of the stream to each log line of modules that do not know it.

import type { Logger } from '../contracts/logger.js';

export function withFields(logger: Logger, about: object): Logger {
  return {
    debug: (fields, message) => logger.debug({ ...about, ...fields }, message),
    info: (fields, message) => logger.info({ ...about, ...fields }, message),
    warn: (fields, message) => logger.warn({ ...about, ...fields }, message),
    error: (fields, message) => logger.error({ ...about, ...fields }, message),
  };
}
