// The content of a directory lock file, and its description for people.
import type { ProcessIdentity } from './process-identity.js';

export interface LockRecord extends ProcessIdentity {
  /** Unique for each time the lock is taken. */
  readonly id: string;
  readonly host: string;
  /** ISO 8601. */
  readonly since: string;
  /** Increases while the holder is alive. */
  readonly beats: number;
}

export function renderLockRecord(record: LockRecord): string {
  return `${JSON.stringify(record)}\n`;
}

export function parseLockRecord(text: string): LockRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, host, since, beats, pid, start, boot, namespace } = value as Readonly<Record<string, unknown>>;
  if (typeof id !== 'string' || !/^[\w-]{1,64}$/.test(id) || typeof host !== 'string' || typeof since !== 'string')
    return undefined;
  if (typeof beats !== 'number' || typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return undefined;
  return {
    ...{ id, host, since, beats, pid },
    ...(typeof start === 'number' && { start }),
    ...(typeof boot === 'string' && { boot }),
    ...(typeof namespace === 'string' && { namespace }),
  };
}

/** `process 4711 on web1, since 2026-11-28T10:00:00.000Z`. */
export function describeHolder({ pid, host, since }: LockRecord): string {
  return `process ${pid} on ${host}, since ${since}`;
}
