// Keeps the last lines that FFmpeg wrote to stderr, which contain the cause of a failure.

const MAX_LINES = 40;
const MAX_LINE_LENGTH = 400;
/** FFmpeg may end a line with CR alone, and a broken program may never end a line. */
const LINE_END = /[\r\n]+/;

/** Number and length of lines are bounded. Lines are made printable, because they end up in logs and errors. */
export class StderrRing {
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #lines: string[] = [];
  #pending = '';
  #count = 0;

  /** @param onLine called for each complete line */
  constructor(options: { readonly onLine?: (line: string) => void } = {}) {
    this.#onLine = options.onLine;
  }

  /** The last lines, oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Total number of lines so far. */
  get count(): number {
    return this.#count;
  }

  push(bytes: Buffer): void {
    const lines = (this.#pending + bytes.toString('utf8')).split(LINE_END);
    // Keeps the beginning of an endless line, which shows the subject, and drops the rest.
    this.#pending = (lines.pop() ?? '').slice(0, MAX_LINE_LENGTH);
    for (const line of lines) this.#add(line);
  }

  /** Treats text without a line end as a complete line. */
  end(): void {
    this.#add(this.#pending);
    this.#pending = '';
  }

  #add(raw: string): void {
    const line = printable(raw).slice(0, MAX_LINE_LENGTH);
    if (line === '') return;
    this.#count += 1;
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
    this.#onLine?.(line);
  }
}

/** Replaces control characters, which could forge log lines or control a terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}+/gu, ' ').trim();
}
