// The sources of push targets: the configuration, and a file in the state directory.

import { join } from 'node:path';
import { changeStateFile, readStateFile, type StateFile } from '../access/state-file.js';
import type { Config } from '../config/schema.js';
import type { Clock } from '../protocols/clock.js';
import { SluiceError } from '../protocols/errors.js';
import { relayError } from '../relay/errors.js';
import { PushTargets } from '../relay/push-targets.js';
import { parseRtmpUrl } from '../relay/rtmp-url.js';
import { checkedTarget } from '../relay/target-definition.js';
import type { TargetStore } from '../relay/target-file.js';

/** Name of the file in the state directory. It contains keys. */
const TARGET_FILE = 'targets.json';
const MAX_FILE_BYTES = 2 * 1024 * 1024;

/** @throws {SluiceError} `relay.url`, naming the target by its number */
export function checkTargets({ targets, sources }: Pick<Config, 'targets' | 'sources'>): void {
  targets.forEach((target, index) => {
    try {
      checkedTarget(target, []);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      throw relayError('relay.url', `target ${index + 1} of the configuration: ${error.message}`);
    }
  });
  for (const { stream, url, backup = url } of sources) {
    try {
      parseRtmpUrl(url);
      parseRtmpUrl(backup);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      throw relayError('relay.url', `the source of ${stream} in the configuration: ${error.message}`);
    }
  }
}

/** The targets for a command, which only changes their file and sends nothing. A running gateway follows the file. */
export function storedTargets({ targets, relayHosts, stateDir }: Config, clock: Clock): PushTargets {
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  return new PushTargets({
    ...{ configured: targets, hosts: relayHosts, store: targetStore(stateDir), clock, logger: silent },
    ...{ streams: { open: () => undefined, list: () => [] }, ownPorts: () => [], onState: () => undefined },
  });
}

export function targetStore(stateDir: string): TargetStore {
  const file: StateFile = {
    path: join(stateDir, TARGET_FILE),
    maxBytes: MAX_FILE_BYTES,
    whenFull: 'remove targets that are no longer used',
    error: (what, cause) =>
      relayError('relay.targets', `cannot use the file of targets in stateDir: ${what}`, { cause }),
  };
  return { read: (known) => readStateFile(file, known), change: (change) => changeStateFile(file, change) };
}
