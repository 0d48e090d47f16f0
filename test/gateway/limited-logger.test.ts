// Log lines about streams, with a manual clock: beyond a limit per kind, only their number is logged.
import { expect, it } from 'vitest';
import { limitedLogger } from '../../src/gateway/limited-logger.js';

it('suppresses lines of one kind beyond 60 in 10 s, logs how many, and keeps those of other kinds', () => {
  let now = 0;
  const lines: { level: string; fields: object; message: string }[] = [];
  const write = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  const logger = limitedLogger(
    { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    () => now,
  );
  for (let stream = 0; stream < 100; stream++) {
    logger.info({ stream }, 'stream started');
    // The texts differ from stream to stream after the colon, but count as one kind.
    logger.warn({ stream }, `renditions withdrawn: ${stream}p`);
    logger.debug({ stream }, 'detail');
  }
  logger.error({ code: 'a.b' }, 'once');
  const count = (level: string): number => lines.filter((line) => line.level === level).length;
  expect([count('info'), count('warn'), count('debug'), count('error')]).toEqual([60, 60, 100, 1]);
  now = 10_000;
  logger.info({ stream: 100 }, 'stream started');
  expect(lines.at(-1)).toEqual({ level: 'info', fields: { stream: 100, suppressed: 40 }, message: 'stream started' });
});
