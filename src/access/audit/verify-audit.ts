// Checks the chain of the audit log: whether lines were changed, removed, inserted or moved. Removed lines at the end leave no trace in the
// files; to detect these too, note the hash of the last line from time to time.

import { FIRST_PREV, hashOfLine, placeOfLine } from './audit-entry.js';
import { auditFiles, auditPath, linesOf } from './audit-files.js';

export interface AuditFault {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly what: string;
}

export interface AuditCheck {
  readonly lines: number;
  /** At most 20. */
  readonly faults: readonly AuditFault[];
  /** Number of the oldest line that is kept; earlier ones were in files that have been removed. Undefined if there are no lines. */
  readonly first: number | undefined;
  readonly last: { readonly seq: number; readonly hash: string } | undefined;
  /** Number of incomplete lines, left by processes that were killed. The chain continues after them. */
  readonly torn: number;
}

const MAX_FAULTS = 20;

/**
 * Only reads.
 * @throws an error of the system if the files cannot be read
 */
export async function verifyAudit(stateDir: string): Promise<AuditCheck> {
  const faults: AuditFault[] = [];
  let lines = 0;
  let torn = 0;
  let first: number | undefined;
  let last: { seq: number; hash: string } | undefined;
  for (const { path } of await auditFiles(auditPath(stateDir))) {
    let number = 0;
    for await (const line of linesOf(path)) {
      number++;
      if (line === '') continue;
      lines++;
      const fault = (what: string): void => {
        if (faults.length < MAX_FAULTS) faults.push({ path, line: number, what });
      };
      const place = placeOfLine(line);
      const hash = hashOfLine(line);
      if (place === undefined) {
        // The next line shows whether the gateway detected this.
        torn++;
        last = { seq: last?.seq ?? 0, hash };
        continue;
      }
      if (last === undefined) {
        if (place.seq === 1 && place.prev !== FIRST_PREV)
          fault('it is the first line, but it has the hash of an earlier line');
      } else {
        if (place.prev !== last.hash) fault('the line before it was changed or removed after this line was written');
        if (place.seq !== last.seq + 1) fault(`it has number ${place.seq}, expected ${last.seq + 1}`);
      }
      first ??= place.seq;
      last = { seq: place.seq, hash };
    }
  }
  return { lines, faults, first, last, torn };
}
