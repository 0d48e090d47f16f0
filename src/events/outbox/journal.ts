// A file of lines to which one process appends. Lines that wait while the disk is busy are written together. Replacing all lines is atomic, so that a
// killed process leaves a complete file.

import { constants } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { systemCode } from '../../protocols/system-error.js';

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const MODE = 0o600;

export class Journal {
  readonly #path: string;
  #file: FileHandle | undefined;
  #bytes = 0;
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** Length of the file. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The complete lines of the file, at most `maxBytes` of it. @throws system errors */
  async read(maxBytes: number): Promise<readonly string[]> {
    let file: FileHandle;
    try {
      file = await open(this.#path, READ);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
    try {
      const { size } = await file.stat();
      this.#bytes = size;
      const bytes = Buffer.alloc(Math.min(size, maxBytes));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
      const lines = bytes.toString('utf8', 0, bytesRead).split('\n');
      // The text after the last line feed is empty, or an incomplete line of a killed process.
      lines.pop();
      return lines;
    } finally {
      await file.close();
    }
  }

  /** @returns a promise that resolves when the line is in the file. @throws system errors */
  append(line: string): Promise<void> {
    this.#waiting.push(line);
    this.#writing ??= this.#inTurn(async () => {
      this.#writing = undefined;
      const text = Buffer.from(this.#take());
      this.#file ??= await open(this.#path, APPEND, MODE);
      await this.#file.writeFile(text);
      this.#bytes += text.length;
    });
    return this.#writing;
  }

  /** Replaces all lines, those that are waiting included. @throws system errors */
  replace(lines: () => readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      this.#waiting = [];
      const text = Buffer.from(
        lines()
          .map((line) => `${line}\n`)
          .join(''),
      );
      const next = `${this.#path}.new`;
      const file = await open(
        next,
        constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
        MODE,
      );
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(next, this.#path);
      await this.#file?.close();
      this.#file = undefined;
      this.#bytes = text.length;
    });
  }

  /** Call after the last line. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#file?.close();
      this.#file = undefined;
    });
  }

  #take(): string {
    return this.#waiting
      .splice(0)
      .map((line) => `${line}\n`)
      .join('');
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    // The caller gets the error; the next task only waits for the end of this one.
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
