// Delivers each event to all listeners; an exception in one is reported and does not affect the others.
import type { GatewayEvent } from './gateway-event.js';

export type EventListener = (event: GatewayEvent) => void;

export class EventBus {
  readonly #listeners = new Set<EventListener>();
  readonly #onListenerFailure: (error: unknown, event: GatewayEvent) => void;

  /** @param onListenerFailure called with the exception of a listener, or with the rejection of its promise */
  constructor(onListenerFailure: (error: unknown, event: GatewayEvent) => void) {
    this.#onListenerFailure = onListenerFailure;
  }

  /** @returns a function that removes the listener */
  subscribe(listener: EventListener): () => void {
    // A new function each time: the same listener may subscribe twice, and each subscription is removed separately.
    const entry: EventListener = (event) => listener(event);
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  emit(event: GatewayEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        // A listener may be an async function: handle its rejection too.
        const result: unknown = listener(event);
        if (result instanceof Promise) result.catch((error: unknown) => this.#onListenerFailure(error, event));
      } catch (error) {
        this.#onListenerFailure(error, event);
      }
    }
  }
}
