// A state is a value with a table of legal moves, so that an illegal move is an error at its cause, not a puzzle later.

export class StateMachine<S extends string> {
  readonly #name: string;
  readonly #transitions: Readonly<Record<S, readonly S[]>>;
  #state: S;

  constructor(name: string, initial: S, transitions: Readonly<Record<S, readonly S[]>>) {
    this.#name = name;
    this.#state = initial;
    this.#transitions = transitions;
  }

  get state(): S {
    return this.#state;
  }

  is(...states: readonly S[]): boolean {
    return states.includes(this.#state);
  }

  can(next: S): boolean {
    return this.#transitions[this.#state].includes(next);
  }

  /** @throws {TypeError} naming both states, when the table does not list the move: a bug of ours, never of a peer. */
  to(next: S): void {
    if (!this.can(next)) throw new TypeError(`${this.#name}: illegal transition ${this.#state} -> ${next}`);
    this.#state = next;
  }
}
