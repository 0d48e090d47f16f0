// Work that must not overlap, such as replacing a file: each piece begins when the one before has ended, whatever its result was.

export class WorkInTurn {
  #last: Promise<unknown> = Promise.resolve();

  /** @returns the result of the work. @throws what the work throws */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    // Its caller gets the error; the next piece only waits.
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
