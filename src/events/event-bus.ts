// Hands each event to everyone who listens; a listener that throws is reported and costs the others nothing.
import type { GatewayEvent } from './gateway-event.js';

export type EventListener = (event: GatewayEvent) => void;

export class EventBus {
  readonly #listeners = new Set<EventListener>();
  readonly #onListenerFailure: (error: unknown, event: GatewayEvent) => void;

  /** @param onListenerFailure hears what a listener threw, or what its promise was rejected with */
  constructor(onListenerFailure: (error: unknown, event: GatewayEvent) => void) {
    this.#onListenerFailure = onListenerFailure;
  }

  /** @returns a function that removes the listener */
  subscribe(listener: EventListener): () => void {
    // A function of its own: the same listener may be subscribed twice, and each is removed alone.
    const entry: EventListener = (event) => listener(event);
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  emit(event: GatewayEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        // An async function is a listener too: its rejection must not become one that nobody handles.
        const result: unknown = listener(event);
        if (result instanceof Promise) result.catch((error: unknown) => this.#onListenerFailure(error, event));
      } catch (error) {
        this.#onListenerFailure(error, event);
      }
    }
  }
}
