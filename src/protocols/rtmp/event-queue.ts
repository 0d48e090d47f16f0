// A queue with O(1) removal: one message can produce several events, and an accept can release thousands.

export class EventQueue<E> {
  #events: E[] = [];
  #taken = 0;

  get isEmpty(): boolean {
    return this.#taken === this.#events.length;
  }

  push(event: E): void {
    this.#events.push(event);
  }

  take(): E | undefined {
    if (this.isEmpty) return undefined;
    const event = this.#events[this.#taken];
    this.#taken += 1;
    if (this.isEmpty) {
      this.#events = [];
      this.#taken = 0;
    }
    return event;
  }
}
