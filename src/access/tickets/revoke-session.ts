// Adds a session to the file of revoked sessions, and removes expired ones.

import type { EpochMilliseconds } from '../../protocols/units.js';
import { changeStateFile } from '../state-file.js';
import {
  isOver,
  parseRevocations,
  type Revocation,
  revocationFile,
  revocationLine,
  revocationPath,
} from './revocation-file.js';

/**
 * Adds a session to the file. Running gateways with this state directory read it within half a second.
 * @throws {SluiceError} `access.revocations` if the file cannot be read or written, or if the gateway could not read the new one
 */
export async function revokeSession(
  stateDir: string,
  revocation: Revocation,
  now: EpochMilliseconds = Date.now(),
): Promise<void> {
  await changeStateFile(revocationFile(revocationPath(stateDir)), (text = '') => {
    const { strange, revocations } = parseRevocations(text);
    return [
      // Lines that are not understood stay: a later version may have written them.
      ...strange.map(({ line }) => `${line}\n`),
      ...revocations.filter((kept) => !isOver(kept, now)).map(revocationLine),
      revocationLine(revocation),
    ].join('');
  });
}
