// Creates the log: JSON lines for machines, readable lines on a terminal, and no secrets in either.

import { type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { Config } from '../config/schema.js';

export interface LogOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** Fields whose values are always masked, wherever they occur. */
const SECRET_FIELDS = [
  'publishKey',
  'streamKey',
  'key',
  'query',
  'playSecrets',
  'edgeSecrets',
  'token',
  'ticket',
  'jwtSecret',
].flatMap((name) => [name, `*.${name}`]);
/** Shorter secrets could also match harmless text, so they are not searched for; they are still masked in the fields above. */
const SHORTEST_SEARCHED = 8;

/** @param secret the publish key; masked wherever it occurs in a record, in any field or message */
export function createLogger(level: Config['logLevel'], output: LogOutput, secret: string | null): Logger {
  const search = secret !== null && secret.length >= SHORTEST_SEARCHED ? secret : undefined;
  // Formatted in this thread, not in pino's worker: the last lines before an exit are the most important.
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
