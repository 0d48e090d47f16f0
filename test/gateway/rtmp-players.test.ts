// Many RTMP players of many names: an event of a stream reaches the players of its name only.
import { expect, it } from 'vitest';
import { EventBus } from '../../src/events/event-bus.js';
import { rtmpPlayers } from '../../src/gateway/rtmp-players.js';
import { type RegistryListener, StreamRegistry } from '../../src/live/registry.js';

function setUp() {
  const registry = new StreamRegistry();
  const bus = new EventBus((error) => {
    throw error;
  });
  let listeners = 0;
  const counted = (stop: () => void): (() => void) => {
    listeners += 1;
    return () => {
      listeners -= 1;
      stop();
    };
  };
  const players = rtmpPlayers({
    registry: {
      get: (app, name) => registry.get(app, name),
      on: (listener: RegistryListener) => counted(registry.on(listener)),
    },
    isHeld: () => true,
    events: { subscribe: (listener) => counted(bus.subscribe(listener)) },
  });
  const ends: string[] = [];
  const open = (name: string) => {
    const request = { app: 'live', name, remoteAddress: '192.0.2.1' };
    const source = players.open(request, { maxBytes: 1000, onReadable: () => undefined, onEnd: () => ends.push(name) });
    if (source === undefined) throw new Error('nobody publishes');
    return source;
  };
  const streamEnds = (name: string): void => bus.emit({ type: 'stream.ended', app: 'live', name, time: 0 });
  return { registry, players, ends, open, streamEnds, listeners: () => listeners };
}

it('listens once, however many players there are', () => {
  const { open, listeners } = setUp();
  const before = listeners();
  const sources = Array.from({ length: 50 }, (_, index) => open(`name-${index % 5}`));
  expect(listeners()).toBe(before);
  for (const source of sources) source.close();
  expect(listeners()).toBe(before);
});

it('a name is played by its players, also while its publisher is away, but not by push targets and encoders', () => {
  const { registry, players, open } = setUp();
  const stream = registry.claim('live', 'a');
  stream.subscribe({ maxBytes: 1000 });
  const listener = { maxBytes: 1000, onReadable: () => undefined, onEnd: () => undefined };
  players.openForTarget({ app: 'live', name: 'a' }, listener);
  expect(players.isPlayed('live', 'a')).toBe(false);
  const player = open('a');
  stream.end();
  expect([players.isPlayed('live', 'a'), players.isPlayed('live', 'b')]).toEqual([true, false]);
  player.close();
  expect(players.isPlayed('live', 'a')).toBe(false);
});

it('notifies only the players of a name that a publisher has come and that the stream has ended', () => {
  const { registry, ends, open, streamEnds } = setUp();
  const [first, second, other] = [open('a'), open('a'), open('b')];
  const stream = registry.claim('live', 'a');
  expect([stream.statistics.subscribers, registry.claim('live', 'c').statistics.subscribers]).toEqual([2, 0]);
  first.close();
  expect(stream.statistics.subscribers).toBe(1);
  // The playlists of an earlier publisher end; the current one goes on.
  streamEnds('a');
  expect(ends).toEqual([]);
  stream.end();
  streamEnds('a');
  expect([ends, first.ended, second.ended, other.ended]).toEqual([['a'], false, true, false]);
  // A source may be closed twice. The second call must not remove a later source.
  second.close();
  open('a');
  second.close();
  other.close();
  registry.claim('live', 'a');
  expect(registry.get('live', 'a')?.statistics.subscribers).toBe(1);
});
