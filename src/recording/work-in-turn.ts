// Runs tasks one after another, for work that must not overlap, such as replacing a file. Each task begins when the previous one has succeeded or
// failed.

export class WorkInTurn {
  #last: Promise<unknown> = Promise.resolve();

  /** @returns the result of the task. @throws the error of the task */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    // The caller of the failed task gets its error; the next task only waits for its end.
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
