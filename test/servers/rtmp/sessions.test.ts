// Each accepted publish starts once and ends once; a refused one does neither.
import { describe, expect, it } from 'vitest';
import { StreamRegistry } from '../../../src/live/registry.js';
import { SluiceError } from '../../../src/protocols/errors.js';
import type { PublishObserver } from '../../../src/servers/rtmp/publishing.js';
import { audioBody, CommandPeer, Encoder, rawPeer, type ServerSetup, startServer } from './server-under-test.js';

/** Records the calls to other modules. */
function recorder(): { events: string[]; observer: PublishObserver } {
  const events: string[] = [];
  return {
    events,
    observer: {
      onStart: ({ name }) => events.push(`start ${name}`),
      onEnd: ({ name }, reason) => events.push(`end ${name} ${reason?.code ?? 'by itself'}`),
    },
  };
}

/** A server whose names belong to a registry, as in the gateway. */
async function withRegistry(options: ConstructorParameters<typeof StreamRegistry>[0], setup: ServerSetup = {}) {
  const registry = new StreamRegistry(options);
  const { events, observer } = recorder();
  const server = await startServer({
    observer,
    claim: ({ app, name }) => {
      const stream = registry.claim(app, name);
      return {
        publish: (kind, timestamp, body) => stream.publish(kind, timestamp, body),
        end: (reason) => stream.end(reason),
        onKick: (listener) => stream.onKick(listener),
      };
    },
    ...setup,
  });
  return { ...server, registry, events };
}

const lifecycle = (logs: readonly { message: string }[]): string[] =>
  logs.map(({ message }) => message).filter((message) => message.startsWith('publish '));

describe('one start and one end', () => {
  it.each<[string, (peer: CommandPeer) => void]>([
    ['deleteStream with a number', (peer) => peer.command('deleteStream', 4, [null, 1])],
    ['deleteStream with a name', (peer) => peer.command('deleteStream', 4, [null, 'show'], 1)],
    ['deleteStream with null', (peer) => peer.command('deleteStream', 4, [null, null], 1)],
    ['deleteStream with nothing', (peer) => peer.command('deleteStream', 4, [null], 1)],
    ['closeStream', (peer) => peer.command('closeStream', 4, [null], 1)],
    ['FCUnpublish alone', (peer) => peer.command('FCUnpublish', 4, [null, 'show'])],
    ['all of them and FIN', endInEveryWay],
    ['only FIN', (peer) => peer.socket.end()],
    ['RST', (peer) => peer.socket.resetAndDestroy()],
    ['garbage', (peer) => peer.socket.write(Buffer.alloc(5000, 0xff))],
  ])('A4.22 A8.04 %s ends an accepted publish exactly once', async (_, end) => {
    const { events, observer } = recorder();
    const { port, server, target, logs } = await startServer({ observer });
    const peer = await CommandPeer.open(port);
    peer.publish('show');
    await peer.untilCode('NetStream.Publish.Start');
    end(peer);
    const { ends } = await target();
    await expect.poll(() => events).toHaveLength(2);
    peer.socket.destroy();
    await expect.poll(() => server.counters.connections).toBe(0);
    expect(events).toEqual(['start show', expect.stringMatching(/^end show /)]);
    expect(ends).toHaveLength(1);
    expect(lifecycle(logs)).toEqual(['publish started', 'publish ended']);
    expect(server.counters).toMatchObject({
      publishers: 0,
      publishesAccepted: 1,
      publishesEnded: 1,
      publishesRefused: 0,
    });
  });

  it('A8.04 a refused publish has neither, and is logged once', async () => {
    const { events, observer } = recorder();
    const error = new SluiceError('access.publish-denied', 'denied', 'no');
    const { port, server, logs } = await startServer({ observer, check: async () => ({ allowed: false, error }) });
    await new Encoder(port, 'show').event('rejected');
    await expect.poll(() => server.counters.connections).toBe(0);
    expect(events).toEqual([]);
    expect(lifecycle(logs)).toEqual(['publish refused']);
    expect(server.counters).toMatchObject({ publishesAccepted: 0, publishesEnded: 0, publishesRefused: 1 });
  });

  it('A8.04 media that cannot be served ends the publish, which does not count as a refusal', async () => {
    const { events, observer } = recorder();
    const { port, server, target, logs } = await startServer({ observer });
    const encoder = new Encoder(port, 'show');
    await encoder.event('publishing');
    (await target()).onMessage = () => {
      throw new SluiceError('live.video-codec', 'unsupported', 'not this codec');
    };
    encoder.send('video', 0, Buffer.from([0x14, 0, 0]));
    expect(await encoder.event('rejected')).toMatchObject({ description: 'not this codec' });
    await encoder.closed;
    expect(events).toEqual(['start show', 'end show live.video-codec']);
    expect(lifecycle(logs)).toEqual(['publish started', 'publish ended']);
    expect(logs.find(({ message }) => message === 'publish ended')).toMatchObject({ level: 'warn' });
    expect(server.counters).toMatchObject({ publishesAccepted: 1, publishesEnded: 1, publishesRefused: 0 });
  });
});

/** All bytes of an encoder from C0 to its first second of media. They can be replayed without answers. */
async function capture(): Promise<Buffer> {
  const { port, target } = await startServer();
  const encoder = new Encoder(port, 'show');
  const written: Buffer[] = [];
  const write = encoder.socket.write.bind(encoder.socket);
  encoder.socket.write = ((bytes: Buffer) => {
    written.push(Buffer.from(bytes));
    return write(bytes);
  }) as typeof encoder.socket.write;
  await encoder.event('publishing');
  for (let i = 0; i < 25; i++) encoder.send(i % 2 === 0 ? 'audio' : 'video', i * 40, audioBody(300));
  await (await target()).received(25);
  return Buffer.concat(written);
}

describe('truncated connections', () => {
  it('C2.11 end cleanly wherever they are cut, and leave nothing behind', async () => {
    const bytes = await capture();
    const { events, observer } = recorder();
    const { port, server } = await startServer({ observer, maxConnectionsPerIp: 64 });
    // Every byte of the commands, and every 37th of handshake and media.
    const cuts = [...bytes.keys()].filter((at) => at % 37 === 0 || (at > 3073 && at < 3700));
    for (let i = 0; i < cuts.length; i += 32) {
      await Promise.all(
        cuts.slice(i, i + 32).map(async (cut, n) => {
          const peer = await rawPeer(port);
          const closed = new Promise((resolve) => peer.on('close', resolve));
          peer.resume().write(bytes.subarray(0, cut), () => (n % 2 === 0 ? peer.end() : peer.resetAndDestroy()));
          await closed;
        }),
      );
    }
    await expect.poll(() => server.counters).toMatchObject({ connections: 0, publishers: 0 });
    const { publishesAccepted, publishesEnded } = server.counters;
    expect(publishesAccepted).toBeGreaterThan(100);
    expect(publishesEnded).toBe(publishesAccepted);
    expect(events.filter((event) => event.startsWith('start'))).toHaveLength(publishesAccepted);
    expect(events.filter((event) => event.startsWith('end'))).toHaveLength(publishesAccepted);
    await new Encoder(port, 'show').event('publishing');
  });
});

function endInEveryWay(peer: CommandPeer): void {
  peer.command('FCUnpublish', 4, [null, 'show']);
  peer.command('closeStream', 5, [null], 1);
  peer.command('deleteStream', 6, [null, 1]);
  peer.socket.end();
}

describe('sessions', () => {
  it('A4.21 a second publish on one connection is BadName, and the first continues', async () => {
    const { port, target, targets } = await startServer();
    const peer = await CommandPeer.open(port);
    peer.publish('one');
    await peer.untilCode('NetStream.Publish.Start');
    peer.publish('two', 2);
    await peer.untilCode('NetStream.Publish.BadName');
    peer.send(8, audioBody());
    await (await target()).received(1);
    expect(targets).toHaveLength(1);
  });

  it('A4.23 closes a peer that creates streams without end', async () => {
    const { port, server } = await startServer();
    const peer = await CommandPeer.open(port);
    for (let i = 0; i < 1000; i++) peer.command('createStream', i + 2);
    await peer.closed;
    expect(server.counters.closedByError.get('rtmp.message-streams')).toBe(1);
  });

  it('A4.18 ignores unknown commands while publishing', async () => {
    const { port, target } = await startServer();
    const peer = await CommandPeer.open(port);
    peer.publish('show');
    await peer.untilCode('NetStream.Publish.Start');
    peer.command('onTextData', 0, [null, 'x'], 1);
    peer.command('|RtmpSampleAccess', 0, [true, true], 1);
    peer.send(8, audioBody());
    await (await target()).received(1);
  });

  it('A8.05 ten reconnects in a row get the name at once', async () => {
    const { port, registry, events, server } = await withRegistry({});
    for (let i = 0; i < 10; i++) {
      const encoder = new Encoder(port, 'show');
      await encoder.event('publishing');
      expect(registry.size).toBe(1);
      encoder.send('audio', 0, audioBody());
      // OBS stops like this: it sends all commands at once, without waiting for answers.
      encoder.session.unpublish();
      encoder.flush();
      encoder.socket.end();
      await encoder.closed;
    }
    await expect.poll(() => server.counters.connections).toBe(0);
    expect(registry.size).toBe(0);
    expect(events).toHaveLength(20);
  });

  it('A8.06 deleteStream, createStream and publish again on the same connection', async () => {
    const { port, target, events } = await withRegistry({});
    const peer = await CommandPeer.open(port);
    peer.publish('show');
    await peer.untilCode('NetStream.Publish.Start');
    peer.command('deleteStream', 4, [null, 1]);
    peer.publish('show', 2);
    await peer.until(() => peer.codes.filter((code) => code === 'NetStream.Publish.Start').length === 2);
    await target(1);
    expect(events).toEqual(['start show', 'end show by itself', 'start show']);
  });

  it('A8.02 an idle holder loses its name and learns why, and each of the two is notified once', async () => {
    let now = 0;
    const { port, events } = await withRegistry({
      takeoverAfter: 3_000,
      clock: { now: () => now, wallClock: Date.now },
    });
    const old = new Encoder(port, 'show');
    await old.event('publishing');
    now = 3_001;
    const newcomer = new Encoder(port, 'show');
    await newcomer.event('publishing');
    expect(await old.event('rejected')).toMatchObject({ description: expect.stringContaining('took over') });
    await old.closed;
    expect(events).toEqual(['start show', 'end show live.taken-over', 'start show']);
  });

  it('A8.03 an active holder keeps its name: the newcomer gets BadName', async () => {
    const { port, events, registry } = await withRegistry({
      takeoverAfter: 3_000,
      clock: { now: () => 0, wallClock: Date.now },
    });
    const holder = new Encoder(port, 'show');
    await holder.event('publishing');
    const newcomer = new Encoder(port, 'show');
    expect(await newcomer.event('rejected')).toMatchObject({ code: 'NetStream.Publish.BadName' });
    await newcomer.closed;
    holder.send('audio', 0, audioBody());
    await expect.poll(() => registry.get('live', 'show')?.statistics.bytesIn).toBeGreaterThan(0);
    expect(events).toEqual(['start show']);
  });

  it('A8.03 with override the last one wins, and of two at the same time exactly one wins', async () => {
    const { port, registry, server } = await withRegistry({ conflict: 'override' });
    const encoders = Array.from({ length: 8 }, () => new Encoder(port, 'show'));
    await Promise.all(encoders.map((encoder) => encoder.event('publishing')));
    await expect.poll(() => server.counters.publishers).toBe(1);
    expect(registry.size).toBe(1);
    expect(server.counters).toMatchObject({ publishesAccepted: 8, publishesEnded: 7 });
  });
});

describe('the end of the server', () => {
  const capable = [['capsEx', 1]] as const;

  it('A8.08 asks publishers that support it to reconnect, and receives from them for a moment longer', async () => {
    const { port, server, target } = await startServer({ reconnectGrace: 5_000 });
    const peer = await CommandPeer.open(port, capable);
    peer.publish('show');
    await peer.untilCode('NetStream.Publish.Start');
    const closing = server.close();
    await peer.untilCode('NetConnection.Connect.ReconnectRequest');
    peer.send(8, audioBody());
    const received = await target();
    await received.received(1);
    peer.command('deleteStream', 4, [null, 1]);
    peer.socket.end();
    await closing;
    expect(received.ends).toEqual([undefined]);
    expect(server.counters.reconnectRequests).toBe(1);
  });

  it('A8.08 ends publishers that do not leave in time, and those that do not support the request', async () => {
    const { port, server, targets } = await startServer({ reconnectGrace: 100 });
    const staying = await CommandPeer.open(port, capable);
    staying.publish('staying');
    await staying.untilCode('NetStream.Publish.Start');
    const legacy = new Encoder(port, 'legacy');
    await legacy.event('publishing');
    await server.close();
    expect(await legacy.event('rejected')).toMatchObject({ code: 'NetStream.Failed' });
    expect(staying.codes.slice(-2)).toEqual(['NetConnection.Connect.ReconnectRequest', 'NetStream.Failed']);
    expect(targets.map(({ ends }) => ends.map((reason) => reason?.code))).toEqual([
      ['rtmp-server.shutdown'],
      ['rtmp-server.shutdown'],
    ]);
  });
});

describe('refused at connect', () => {
  it('A4.16 sends the challenge unchanged, keeps it out of the log, and closes', async () => {
    const challenge =
      '[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=u&salt=SALT&challenge=C&opaque=C';
    const error = new SluiceError('access.authentication', 'denied', challenge);
    const { port, logs, server } = await startServer({
      connect: async () => ({ allowed: false, error, asked: true }),
    });
    const rejected = await new Encoder(port, 'show').event('rejected');
    expect(rejected).toMatchObject({ code: 'NetConnection.Connect.Rejected', description: challenge });
    await expect.poll(() => server.counters.connections).toBe(0);
    expect(JSON.stringify(logs)).not.toContain('SALT');
    expect(logs.filter(({ level }) => level !== 'debug')).toEqual([]);
    expect(server.counters).toMatchObject({ authenticationRequests: 1, connectsRefused: 0 });
  });

  it('A4.16 sends nothing until access is decided, and passes the user on to the publish', async () => {
    const asked: unknown[] = [];
    let allow: () => void = () => undefined;
    const { port, target } = await startServer({
      connect: async ({ query, flashVer }) => {
        asked.push(query.get('token'), flashVer);
        await new Promise<void>((resolve) => {
          allow = resolve;
        });
        return { allowed: true, user: 'anna' };
      },
      check: async ({ user }) => {
        asked.push(user);
        return { allowed: true };
      },
    });
    const encoder = new Encoder(port, 'show', { app: 'live?token=t', flashVer: 'FMLE/3.0' });
    await expect.poll(() => asked).toEqual(['t', 'FMLE/3.0']);
    allow();
    await encoder.event('publishing');
    await target();
    expect(asked).toEqual(['t', 'FMLE/3.0', 'anna']);
  });

  it('A4.16 refuses if the decision fails or never comes', async () => {
    let broken = true;
    const { port, server } = await startServer({
      publishTimeout: 100,
      connect: () => {
        if (broken) throw new Error('gone');
        return new Promise(() => undefined);
      },
    });
    expect(await new Encoder(port, 'a').event('rejected')).toMatchObject({ code: 'NetConnection.Connect.Rejected' });
    broken = false;
    await new Encoder(port, 'b').closed;
    expect(server.counters.closedByError.get('rtmp-server.access-failed')).toBe(2);
  });
});
