// Lets RTMP players and push targets start at the last key frame, and keep their connection while the publisher is away, as HLS players do.
import type { PlayRequest } from '../contracts/access.js';
import type { EventBus } from '../events/event-bus.js';
import type { StreamRegistry } from '../live/registry.js';
import type { LiveStream } from '../live/stream.js';
import type { Subscription } from '../live/subscription.js';
import type { LiveTag } from '../live/tag.js';
import { callAll } from '../protocols/failure-domain.js';
import type { PlayListener, PlaySource } from '../servers/rtmp/playing.js';

export interface PlayedStreams {
  readonly registry: Pick<StreamRegistry, 'get' | 'on'>;
  /** Whether the playlists of that name wait for their publisher, or will wait when it leaves. */
  readonly isHeld: (app: string, name: string) => boolean;
  readonly events: Pick<EventBus, 'subscribe'>;
}

/** The messages of one name, over several publishers. */
export interface HeldStream extends PlaySource {
  take(): LiveTag | undefined;
}

/** Serves RTMP players and push targets alike. */
export interface HeldStreams {
  open(stream: Pick<PlayRequest, 'app' | 'name'>, listener: PlayListener): HeldStream | undefined;
  /** Like `open`, for a push target. */
  openForTarget(stream: Pick<PlayRequest, 'app' | 'name'>, listener: PlayListener): HeldStream | undefined;
  /** Whether this name has an RTMP player, also while its publisher is away. Push targets do not count. */
  isPlayed(app: string, name: string): boolean;
}

/** Adds one listener to registry and events for all players. It notifies the players of a name of changes to their stream. */
export function rtmpPlayers({ registry, isHeld, events }: PlayedStreams): HeldStreams {
  const players = new Map<string, Set<HeldSource>>();
  const targets = new WeakSet<HeldSource>();
  const playersOf = (app: string, name: string): HeldSource[] => [...(players.get(keyOf(app, name)) ?? [])];
  registry.on({
    onStart: (stream) => callAll(playersOf(stream.app, stream.name), (player) => player.read(stream)),
  });
  events.subscribe((event) => {
    if (event.type === 'stream.ended') callAll(playersOf(event.app, event.name), (player) => player.streamEnded());
  });
  const open = ({ app, name }: Pick<PlayRequest, 'app' | 'name'>, listener: PlayListener): HeldSource | undefined => {
    const stream = registry.get(app, name);
    if (stream === undefined && !isHeld(app, name)) return undefined;
    const key = keyOf(app, name);
    const ofName = players.get(key) ?? new Set();
    const player = new HeldSource(listener, {
      isHeld: () => isHeld(app, name),
      onClose: () => {
        if (ofName.delete(player) && ofName.size === 0) players.delete(key);
      },
    });
    players.set(key, ofName.add(player));
    if (stream !== undefined) player.read(stream);
    return player;
  };
  return {
    open,
    openForTarget: (stream, listener) => {
      const target = open(stream, listener);
      if (target !== undefined) targets.add(target);
      return target;
    },
    isPlayed: (app, name) => playersOf(app, name).some((player) => !targets.has(player)),
  };
}

/** Neither part can contain a line feed, so different pairs have different keys. */
function keyOf(app: string, name: string): string {
  return `${app}\n${name}`;
}

interface HeldName {
  /** Whether another publisher of the name is awaited. */
  readonly isHeld: () => boolean;
  /** May be called several times. */
  readonly onClose: () => void;
}

/** The source of one player: the streams of one name, over several publishers. */
class HeldSource implements HeldStream {
  readonly #listener: PlayListener;
  readonly #name: HeldName;
  #subscription: Subscription | undefined;
  #stopListening: () => void = () => undefined;
  /** Number of tags dropped while reading from earlier publishers. */
  #droppedBefore = 0;
  /** Whether no further publisher is awaited. */
  #over = false;

  constructor(listener: PlayListener, name: HeldName) {
    this.#listener = listener;
    this.#name = name;
  }

  take(): LiveTag | undefined {
    return this.#subscription?.take();
  }

  get ended(): boolean {
    return this.#over;
  }

  get droppedTags(): number {
    return this.#droppedBefore + (this.#subscription?.droppedTags ?? 0);
  }

  close(): void {
    this.#name.onClose();
    this.#leave();
  }

  /** Call when a publisher of the name has come. */
  read(stream: LiveStream): void {
    this.#leave();
    const { maxBytes, onReadable } = this.#listener;
    this.#subscription = stream.subscribe({ maxBytes, onReadable });
    this.#stopListening = stream.on({
      onEnd: () => {
        if (!this.#name.isHeld()) this.#end();
      },
    });
  }

  /** Call when playlists of the name have ended. If a new publisher has come meanwhile, they belonged to an earlier one. */
  streamEnded(): void {
    if (this.#subscription?.ended !== false) this.#end();
  }

  /** Drops the last publisher's tags that the player has not read. The player continues at the next publisher's key frame. */
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
