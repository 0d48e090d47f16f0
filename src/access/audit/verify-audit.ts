// Checks the chain of the audit log: that no line was changed, removed, added in between or moved. What was cut off at the end leaves no
// trace; whoever notes the hash of the last line from time to time finds that too.

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
  /** The first number that is kept: those before are in files that were removed. Undefined if there are no lines. */
  readonly first: number | undefined;
  readonly last: { readonly seq: number; readonly hash: string } | undefined;
  /** Lines that a process did not write to their end; the chain goes on behind them. */
  readonly torn: number;
}

const MAX_FAULTS = 20;

/** Changes nothing. @throws an error of the system if the files cannot be read */
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
        // The next line says whether the gateway knew of it.
        torn++;
        last = { seq: last?.seq ?? 0, hash };
        continue;
      }
      if (last === undefined) {
        if (place.seq === 1 && place.prev !== FIRST_PREV) fault('it is the first line, but names one before it');
      } else {
        if (place.prev !== last.hash) fault('the line before it is not the one that stood there when it was written');
        if (place.seq !== last.seq + 1) fault(`it has number ${place.seq}, expected ${last.seq + 1}`);
      }
      first ??= place.seq;
      last = { seq: place.seq, hash };
    }
  }
  return { lines, faults, first, last, torn };
}
