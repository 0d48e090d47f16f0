// Handles SIGHUP: reloads certificates and checks the configuration, so that a mistake is found before the next start.

import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config, ConfigKey } from '../config/schema.js';
import type { Gateway } from '../gateway.js';
import { SluiceError } from '../protocols/errors.js';

export interface Reload {
  readonly gateway: Pick<Gateway, 'reload'>;
  readonly logger: Pick<Logger, 'info' | 'error'>;
  /** The configuration in use. */
  readonly config: Config;
  /** Reads the configuration again. @throws {SluiceError} `config.invalid` */
  readonly readConfig: (() => Config) | undefined;
}

/** Never rejects: problems are logged, and nothing changes. */
export async function reload({ gateway, logger, config, readConfig }: Reload): Promise<void> {
  try {
    await gateway.reload();
    const changed = readConfig === undefined ? [] : differences(config, readConfig());
    // Only names are logged, because values may be secret.
    if (changed.length === 0)
      logger.info({}, 'reloaded: certificates are up to date, the configuration has not changed');
    else logger.info({ changed }, 'reloaded: certificates are up to date; these options need a restart');
  } catch (error) {
    const text = error instanceof SluiceError ? error.message : 'failed';
    logger.error({ err: error }, `not reloaded, nothing has changed: ${text}`);
  }
}

function differences(before: Config, after: Config): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<ConfigKey>;
  return [...keys].filter((key) => !isDeepStrictEqual(before[key], after[key]));
}
