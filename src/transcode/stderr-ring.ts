// Keeps the last lines FFmpeg wrote to stderr: they are the cause of a failure, and nobody else remembers them.

const MAX_LINES = 40;
const MAX_LINE_LENGTH = 400;
/** FFmpeg may end a line with CR alone, and a broken one may never end it. */
const LINE_END = /[\r\n]+/;

/** Bounded in lines and in their length, whatever is written; lines are printable, as they end up in logs and errors. */
export class StderrRing {
  readonly #redact: (line: string) => string;
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #lines: string[] = [];
  #pending = '';
  #count = 0;

  /**
   * @param redact takes secrets out of a line before anything keeps it
   * @param onLine is told each line as it ends
   */
  constructor(options: { readonly redact?: (line: string) => string; readonly onLine?: (line: string) => void } = {}) {
    this.#redact = options.redact ?? ((line) => line);
    this.#onLine = options.onLine;
  }

  /** The last lines, oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** How many lines there were in all. */
  get count(): number {
    return this.#count;
  }

  push(bytes: Buffer): void {
    const lines = (this.#pending + bytes.toString('utf8')).split(LINE_END);
    // The start of an endless line says what it is about, the rest of it does not.
    this.#pending = (lines.pop() ?? '').slice(0, MAX_LINE_LENGTH);
    for (const line of lines) this.#add(line);
  }

  /** What was written without an end of line counts as a line. */
  end(): void {
    this.#add(this.#pending);
    this.#pending = '';
  }

  #add(raw: string): void {
    const line = this.#redact(printable(raw).slice(0, MAX_LINE_LENGTH));
    if (line === '') return;
    this.#count += 1;
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
    this.#onLine?.(line);
  }
}

/** Control characters could forge log lines or drive a terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}+/gu, ' ').trim();
}
