// The steps of one caller, which the disk thread performs in order. They are sent as calls, as many per message as their bytes fit into its memory.

import type { DiskCall, DiskFailure, JobDone } from './disk-work.js';

export type DiskStep =
  | { readonly kind: 'remove' | 'size' | 'list'; readonly names: readonly string[] }
  | {
      readonly kind: 'write';
      readonly names: readonly string[];
      /** See `WriteCall`. */
      readonly temporary: string | undefined;
      readonly make: boolean;
      readonly pieces: readonly Uint8Array[];
    };

export class DiskJob {
  readonly #steps: readonly DiskStep[];
  readonly #settle: (done: JobDone) => void;
  readonly #answers: JobDone['answers'] = [];
  /** The next step to send. */
  #next = 0;
  /** If that step is a write that was sent in part: the piece to continue with, and how many bytes of it were sent. */
  #piece = 0;
  #offset = 0;
  /** For each call of the message in progress, whether it completes its step. */
  #underWay: boolean[] = [];
  #settled = false;

  constructor(steps: readonly DiskStep[], settle: (done: JobDone) => void) {
    this.#steps = steps;
    this.#settle = settle;
  }

  /** Whether all steps have been put into messages. */
  get isSent(): boolean {
    return this.#next === this.#steps.length;
  }

  get isSettled(): boolean {
    return this.#settled;
  }

  /**
   * Adds the next calls of a message.
   * @param staging memory for the bytes of writes
   * @param at first free byte of `staging`
   * @returns first byte of `staging` that is still free
   */
  fill(staging: Buffer, at: number, calls: DiskCall[]): number {
    this.#underWay = [];
    let free = at;
    for (let step = this.#steps[this.#next]; step !== undefined; step = this.#steps[this.#next]) {
      if (step.kind !== 'write') {
        calls.push(step);
        this.#underWay.push(true);
        this.#next += 1;
        continue;
      }
      const begins = this.#piece === 0 && this.#offset === 0;
      const end = this.#copy(step.pieces, staging, free);
      const ends = this.#piece === step.pieces.length;
      if (end === free && !ends) break;
      const { kind, names, temporary, make } = step;
      calls.push({ kind, names, temporary, make, at: free, length: end - free, begins, ends });
      this.#underWay.push(ends);
      free = end;
      if (!ends) break;
      this.#next += 1;
      this.#piece = 0;
    }
    return free;
  }

  /** @returns first byte of `staging` that is still free */
  #copy(pieces: readonly Uint8Array[], staging: Buffer, at: number): number {
    let free = at;
    for (let piece = pieces[this.#piece]; piece !== undefined; piece = pieces[this.#piece]) {
      const left = piece.length - this.#offset;
      const room = staging.length - free;
      const taken = Math.min(left, room);
      const bytes = taken === piece.length ? piece : piece.subarray(this.#offset, this.#offset + taken);
      // Not `set`, which in shared memory copies byte by byte in V8 and is several times slower.
      if (taken > 0) staging.fill(bytes, free, free + taken);
      free += taken;
      if (taken < left) {
        this.#offset += taken;
        return free;
      }
      this.#piece += 1;
      this.#offset = 0;
    }
    return free;
  }

  /** Call when the thread has answered the last message. */
  note({ answers, failure }: JobDone): void {
    for (const [i, answer] of answers.entries()) if (this.#underWay[i] === true) this.#answers.push(answer);
    if (failure !== undefined) this.fail(failure);
    else if (this.isSent) this.#end(undefined);
  }

  fail(failure: DiskFailure): void {
    this.#end(failure);
  }

  #end(failure: DiskFailure | undefined): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#settle({ answers: this.#answers, failure });
  }
}
