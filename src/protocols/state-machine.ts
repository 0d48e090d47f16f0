// A state with a table of legal transitions. An illegal one is reported where it happens, and does not surface later as a puzzle.

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

  /**
   * @throws {TypeError} naming both states if the table does not list the transition. That is a bug in the gateway; a peer cannot cause it.
   */
  to(next: S): void {
    if (!this.can(next)) throw new TypeError(`${this.#name}: illegal transition ${this.#state} -> ${next}`);
    this.#state = next;
  }
}
