// The log: JSON lines for machines, readable lines on a terminal, and no secret in either.

import { type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { Config } from '../config/schema.js';

export interface LogOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** Fields that must never carry a value, wherever they come from. */
const SECRET_FIELDS = ['publishKey', '*.publishKey', 'streamKey', '*.streamKey', 'key', '*.key', 'query', '*.query'];
/** Shorter secrets would be found in innocent text; the fields above still hide them. */
const SHORTEST_SEARCHED = 8;

/** @param secret the publish key: wherever it turns up in a record, in whatever field or message, it is replaced. */
export function createLogger(level: Config['logLevel'], output: LogOutput, secret: string | null): Logger {
  const search = secret !== null && secret.length >= SHORTEST_SEARCHED ? secret : undefined;
  // Formatted in this thread, not in pino's worker: the last lines before an exit are the ones that matter.
  const format = output.isTTY
    ? prettyFactory({ colorize: true, singleLine: true, ignore: 'pid,hostname' })
    : (line: string) => line;
  const destination = {
    write(line: string): void {
      output.write(format(search === undefined ? line : line.replaceAll(search, '[redacted]')));
    },
  };
  return pino({ level, redact: { paths: SECRET_FIELDS, censor: '[redacted]' } }, destination);
}
