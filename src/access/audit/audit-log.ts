// Writes the audit log. `write` resolves only when the line is on the disk, so no change is confirmed that the log does not contain.
// Commands write to the same file: each line is added under a lock, after the line that is last at that moment.

import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SluiceError } from '../../protocols/errors.js';
import { systemReason } from '../../protocols/system-error.js';
import type { EpochMilliseconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';
import { locked } from '../file-lock.js';
import { giveTo, ownDirectories, stateOwner } from '../state-owner.js';
import { type AuditEntry, type AuditRecord, auditLine, FIRST_PREV, hashOfLine, placeOfLine } from './audit-entry.js';
import { auditFiles, auditPath, linesOf, rotate } from './audit-files.js';

/** A file that would become larger than this is renamed, and a new one is started. */
const MAX_FILE_BYTES = 50 * 1024 * 1024;
/** Maximum length of a line. A longer line is written without `before` and `after`. */
const MAX_LINE_BYTES = 16 * 1024;
/** Maximum number of entries in one answer. */
const MAX_AUDIT_ENTRIES = 500;

export interface AuditLogOptions {
  readonly stateDir: string;
  readonly wallClock: () => EpochMilliseconds;
  /** Default 50 MiB. */
  readonly maxFileBytes?: number;
}

export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #path: string;
  /** The previous write: lines are added one after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#path = auditPath(options.stateDir);
  }

  /** Adds a line. @throws {SluiceError} `audit.unwritable` */
  write(record: AuditRecord): Promise<void> {
    const after = async (): Promise<void> => {
      try {
        await this.#append(record);
      } catch (error) {
        throw unwritable(this.#path, systemReason(error), error);
      }
    };
    const written = this.#last.then(after);
    this.#last = written.catch(() => undefined);
    return written;
  }

  /**
   * Entries in the order in which they were written, at most {@link MAX_AUDIT_ENTRIES}.
   * @param since ISO 8601; only entries of this time and later
   * @param after only entries with a greater `seq`
   * @throws {SluiceError} `audit.unreadable`
   */
  async read({ since, after = 0, limit = MAX_AUDIT_ENTRIES }: AuditQuery): Promise<readonly AuditEntry[]> {
    const entries: AuditEntry[] = [];
    const from = since === undefined ? undefined : new Date(since).toISOString();
    try {
      const files = await auditFiles(this.#path);
      for (const [index, { path }] of files.entries()) {
        const next = files[index + 1];
        // All lines of this file are older than the first line of the next file.
        if (from !== undefined && next !== undefined && (await firstTime(next.path)) < from) continue;
        for await (const line of linesOf(path)) {
          const place = placeOfLine(line);
          if (place === undefined || place.seq <= after || (from !== undefined && place.time < from)) continue;
          entries.push(JSON.parse(line) as AuditEntry);
          if (entries.length >= Math.min(limit, MAX_AUDIT_ENTRIES)) return entries;
        }
      }
    } catch (error) {
      throw accessError('audit.unreadable', `audit log ${this.#path}: ${systemReason(error)}`, { cause: error });
    }
    return entries;
  }

  async #append(record: AuditRecord): Promise<void> {
    const { stateDir, wallClock, maxFileBytes = MAX_FILE_BYTES } = this.#options;
    await ownDirectories(stateDir, () => mkdir(stateDir, { recursive: true, mode: 0o700 }));
    const lock = `${this.#path}.lock`;
    const busy = () => unwritable(this.#path, `another program holds the lock ${lock}`);
    await locked(lock, busy, async () => {
      const last = await lastLine(this.#path);
      const seq = (last?.seq ?? 0) + 1;
      const time = new Date(wallClock()).toISOString();
      const line = boundedLine(record, { seq, time, prev: last?.hash ?? FIRST_PREV });
      const text = `${last?.isTorn === true ? '\n' : ''}${line}\n`;
      if ((last?.bytes ?? 0) + Buffer.byteLength(text) > maxFileBytes) await rotate(this.#path);
      await addTo(this.#path, text);
    });
  }
}

export interface AuditQuery {
  readonly since?: string | undefined;
  readonly after?: number | undefined;
  readonly limit?: number | undefined;
}

/** Time of the first line of a file. If it has no line, a text that sorts after every time. */
async function firstTime(path: string): Promise<string> {
  for await (const line of linesOf(path)) {
    const place = placeOfLine(line);
    if (place !== undefined) return place.time;
  }
  return '9999';
}

function boundedLine(record: AuditRecord, place: Pick<AuditEntry, 'seq' | 'time' | 'prev'>): string {
  const line = auditLine(record, place);
  if (Buffer.byteLength(line) <= MAX_LINE_BYTES) return line;
  const { before: _before, after: _after, ...rest } = record;
  return auditLine({ ...rest, after: 'too long to be kept' }, place);
}

async function addTo(path: string, text: string): Promise<void> {
  const flags =
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags, 0o600);
  try {
    if (!(await file.stat()).isFile()) throw unwritable(path, 'it is not a file');
    await giveTo(file, await stateOwner(dirname(path)));
    const { size } = await file.stat();
    try {
      await file.writeFile(text);
      await file.datasync();
    } catch (error) {
      // If the disk is full, a part of the line may have been written.
      await file.truncate(size);
      throw error;
    }
  } finally {
    await file.close();
  }
}

interface LastLine {
  readonly seq: number;
  readonly hash: string;
  readonly bytes: number;
  /** Whether the line is incomplete, because a process was killed while writing it. */
  readonly isTorn: boolean;
}

/** The last line of the newest file that has one. */
async function lastLine(path: string): Promise<LastLine | undefined> {
  const files = await auditFiles(path);
  for (const { path: name, bytes } of [...files].reverse()) {
    const file = await open(name, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const tail = await tailOf(file, bytes);
      const isTorn = tail !== '' && !tail.endsWith('\n');
      const lines = tail.split('\n').filter((line) => line !== '');
      const last = lines.at(-1);
      if (last === undefined) continue;
      const places = lines.map(placeOfLine).filter((place) => place !== undefined);
      return { seq: places.at(-1)?.seq ?? 0, hash: hashOfLine(last), bytes: name === path ? bytes : 0, isTorn };
    } finally {
      await file.close();
    }
  }
  return undefined;
}

/** The complete lines at the end of a file, at least the last two. */
async function tailOf(file: FileHandle, bytes: number): Promise<string> {
  const length = Math.min(bytes, 3 * MAX_LINE_BYTES);
  const tail = Buffer.alloc(length);
  const { bytesRead } = await file.read(tail, 0, length, bytes - length);
  const text = tail.toString('utf8', 0, bytesRead);
  return length < bytes ? text.slice(text.indexOf('\n') + 1) : text;
}

function unwritable(path: string, what: string, cause?: unknown): SluiceError {
  return accessError('audit.unwritable', `audit log ${path}: ${what}`, cause === undefined ? {} : { cause });
}
