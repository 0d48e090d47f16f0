// What SIGHUP does: certificates are read again, and the configuration is checked, so that a mistake is found before the next start.

import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config, ConfigKey } from '../config/schema.js';
import type { Gateway } from '../gateway.js';
import { SluiceError } from '../protocols/errors.js';

export interface Reload {
  readonly gateway: Pick<Gateway, 'reload'>;
  readonly logger: Pick<Logger, 'info' | 'error'>;
  /** What the gateway runs with. */
  readonly config: Config;
  /** Reads it anew. @throws {SluiceError} `config.invalid` */
  readonly readConfig: (() => Config) | undefined;
}

/** Never rejects: what is wrong is logged, and everything goes on as it was. */
export async function reload({ gateway, logger, config, readConfig }: Reload): Promise<void> {
  try {
    await gateway.reload();
    const changed = readConfig === undefined ? [] : differences(config, readConfig());
    // Names alone: values may be secret.
    if (changed.length === 0) logger.info({}, 'reloaded: certificates are up to date, the configuration is as before');
    else logger.info({ changed }, 'reloaded: certificates are up to date; these options need a restart');
  } catch (error) {
    const text = error instanceof SluiceError ? error.message : 'failed';
    logger.error({ err: error }, `not reloaded, everything stays as it is: ${text}`);
  }
}

function differences(before: Config, after: Config): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<ConfigKey>;
  return [...keys].filter((key) => !isDeepStrictEqual(before[key], after[key]));
}
