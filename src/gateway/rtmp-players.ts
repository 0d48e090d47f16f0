// Lets RTMP players start at the last key frame, and keep their connection while the publisher is away, as HLS players do.
import type { PlayRequest } from '../contracts/access.js';
import type { EventBus } from '../events/event-bus.js';
import type { StreamRegistry } from '../live/registry.js';
import type { LiveStream } from '../live/stream.js';
import type { Subscription } from '../live/subscription.js';
import type { PlayAdmission, PlayItem, PlayListener, PlaySource } from '../servers/rtmp/playing.js';

export interface PlayedStreams {
  readonly registry: Pick<StreamRegistry, 'get' | 'on'>;
  /** Whether the playlists of that name wait for their publisher, or will as soon as it leaves. */
  readonly isHeld: (app: string, name: string) => boolean;
  readonly events: Pick<EventBus, 'subscribe'>;
}

export function rtmpPlayers(streams: PlayedStreams): PlayAdmission {
  return {
    open(request, listener) {
      const stream = streams.registry.get(request.app, request.name);
      if (stream === undefined && !streams.isHeld(request.app, request.name)) return undefined;
      return new HeldSource(streams, request, listener, stream);
    },
  };
}

/** What one player reads of a name, over several publishers. */
class HeldSource implements PlaySource {
  readonly #streams: PlayedStreams;
  readonly #request: PlayRequest;
  readonly #listener: PlayListener;
  readonly #stops: (() => void)[] = [];
  #subscription: Subscription | undefined;
  #stopListening: () => void = () => undefined;
  /** Tags dropped while reading from earlier publishers. */
  #droppedBefore = 0;
  /** No further publisher is awaited. */
  #over = false;

  constructor(streams: PlayedStreams, request: PlayRequest, listener: PlayListener, stream: LiveStream | undefined) {
    this.#streams = streams;
    this.#request = request;
    this.#listener = listener;
    const { app, name } = request;
    const isOurs = (other: { readonly app: string; readonly name: string }) => other.app === app && other.name === name;
    this.#stops.push(
      streams.registry.on({
        onStart: (next) => {
          if (isOurs(next)) this.#read(next);
        },
      }),
      streams.events.subscribe((event) => {
        if (event.type === 'stream.ended' && isOurs(event) && this.#subscription?.ended !== false) this.#end();
      }),
    );
    if (stream !== undefined) this.#read(stream);
  }

  take(): PlayItem | undefined {
    return this.#subscription?.take();
  }

  get ended(): boolean {
    return this.#over;
  }

  get droppedTags(): number {
    return this.#droppedBefore + (this.#subscription?.droppedTags ?? 0);
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#leave();
  }

  #read(stream: LiveStream): void {
    this.#leave();
    const { maxBytes, onReadable } = this.#listener;
    this.#subscription = stream.subscribe({ maxBytes, onReadable });
    this.#stopListening = stream.on({
      onEnd: () => {
        const { app, name } = this.#request;
        if (!this.#streams.isHeld(app, name)) this.#end();
      },
    });
  }

  /** Drops what the player has not read from the last publisher; it continues at the next publisher's key frame. */
  #leave(): void {
    this.#stopListening();
    this.#droppedBefore += this.#subscription?.droppedTags ?? 0;
    this.#subscription?.close();
    this.#subscription = undefined;
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.onEnd();
  }
}
