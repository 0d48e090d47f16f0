// Asks V8 which pieces of our own code have run, so that the fuzzer knows which inputs reach new code. Needs no native add-on.
import { type Profiler, Session } from 'node:inspector';

/** A piece of source text, in characters, that ran for the first time. */
export interface Piece {
  readonly url: string;
  readonly start: number;
  readonly end: number;
}

export class Coverage {
  readonly #session = new Session();
  /** By script: 1 for each character of the source that has run. */
  readonly #covered = new Map<string, Uint8Array>();
  readonly #isOurs: (url: string) => boolean;

  /** @param isOurs which scripts count, by their file URL */
  constructor(isOurs: (url: string) => boolean) {
    this.#isOurs = isOurs;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Characters of source that have run. */
  get size(): number {
    let size = 0;
    for (const map of this.#covered.values()) for (const ran of map) size += ran;
    return size;
  }

  /** The pieces that ran for the first time since the last call. */
  take(): Piece[] {
    const fresh: Piece[] = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error;
      for (const { url, functions } of answer.result) {
        if (this.#isOurs(url)) for (const { ranges } of functions) this.#note(url, ranges, fresh);
      }
    });
    return fresh;
  }

  /** Marks pieces as not covered again, so that a batch of inputs can be searched for the one that reached them. */
  forget(pieces: readonly Piece[]): void {
    for (const { url, start, end } of pieces) this.#covered.get(url)?.fill(0, start, end);
  }

  close(): void {
    this.#session.disconnect();
  }

  /** The first range is the function. The others are nested in it or follow each other, and an inner range overrides the outer one. */
  #note(url: string, ranges: readonly Profiler.CoverageRange[], fresh: Piece[]): void {
    const [whole] = ranges;
    if (whole === undefined || whole.count === 0) return;
    const ran = new Uint8Array(whole.endOffset - whole.startOffset);
    for (const { startOffset, endOffset, count } of ranges) {
      ran.fill(count > 0 ? 1 : 0, startOffset - whole.startOffset, endOffset - whole.startOffset);
    }
    const covered = this.#mapOf(url, whole.endOffset);
    let start = -1;
    for (let i = 0; i <= ran.length; i += 1) {
      const isFresh = ran[i] === 1 && covered[whole.startOffset + i] === 0;
      if (isFresh && start < 0) start = i;
      if (isFresh || start < 0) continue;
      const piece = { url, start: whole.startOffset + start, end: whole.startOffset + i };
      covered.fill(1, piece.start, piece.end);
      fresh.push(piece);
      start = -1;
    }
  }

  #mapOf(url: string, length: number): Uint8Array {
    const known = this.#covered.get(url);
    if (known !== undefined && known.length >= length) return known;
    const grown = new Uint8Array(Math.max(length, 2 * (known?.length ?? 0)));
    if (known !== undefined) grown.set(known);
    this.#covered.set(url, grown);
    return grown;
  }
}
