// Publishers over real sockets: access is checked before any answer, and media is passed on byte for byte.
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../../src/protocols/errors.js';
import { audioBody, Encoder, startServer } from './server-under-test.js';

const SECRET = 'a-key-that-must-never-be-seen';

describe('publishing over RTMP', () => {
  it('passes on what the encoder sends, and reports its end once', async () => {
    const { server, port, logs, target } = await startServer();
    const encoder = new Encoder(port, `show?key=${SECRET}`);
    await encoder.event('publishing');
    encoder.send('audio', 0, audioBody(1));
    encoder.send('video', 4_294_967_295, Buffer.from([0x17, 1, 0, 0, 0, 9]));
    const received = await target();
    await received.received(2);
    expect(received.request).toEqual({ app: 'live', name: 'show', remoteAddress: '127.0.0.1' });
    expect(received.messages).toEqual([
      { kind: 'audio', timestamp: 0, body: audioBody(1) },
      { kind: 'video', timestamp: 4_294_967_295, body: Buffer.from([0x17, 1, 0, 0, 0, 9]) },
    ]);
    expect(server.counters).toMatchObject({ connections: 1, publishers: 1, publishesAccepted: 1, mediaMessages: 2 });

    encoder.session.unpublish();
    encoder.flush();
    encoder.socket.end();
    expect(await received.ended).toBeUndefined();
    await encoder.closed;
    await expect.poll(() => server.counters.connections).toBe(0);
    expect(received.ends).toHaveLength(1);
    expect(server.counters).toMatchObject({ publishers: 0, publishesRefused: 0 });
    expect(logs.filter(({ level }) => level !== 'debug').map(({ message }) => message)).toEqual([
      'publish started',
      'publish ended',
    ]);
    expect(logs.every(({ peer }) => peer === '127.0.0.1')).toBe(true);
    expect(JSON.stringify(logs)).not.toContain(SECRET);
  });

  it("passes on each publisher's own bytes, even those that wait for a later turn", async () => {
    const { port, targets, target } = await startServer({ messagesPerTurn: 1 });
    const names = ['a', 'b', 'c'];
    const encoders = names.map((name) => new Encoder(port, name));
    for (const encoder of encoders) await encoder.event('publishing');
    const bodies = Array.from({ length: 40 }, (_, i) =>
      names.map((_, j) => Buffer.concat([Buffer.from([0xaf, 1]), Buffer.alloc(3_000, 16 * j + (i % 16))])),
    );
    for (const each of bodies) for (const [j, body] of each.entries()) encoders[j]?.send('audio', 0, body);
    for (const i of names.keys()) await (await target(i)).received(bodies.length);
    for (const { request, messages } of targets) {
      const j = names.indexOf(request.name);
      expect(messages.every(({ body }, i) => body.equals(bodies[i]?.[j] ?? Buffer.alloc(0)))).toBe(true);
    }
  });

  it('A4.17 answers only after access and admission have agreed', async () => {
    const order: string[] = [];
    let allow: () => void = () => undefined;
    const { port, target } = await startServer({
      check: async ({ app, name, query, remoteAddress }) => {
        order.push(`check ${remoteAddress} ${app} ${name} ${query.get('key')}`);
        await new Promise<void>((resolve) => {
          allow = resolve;
          order.push('waiting');
        });
        return { allowed: true };
      },
      claim: (_, made) => {
        order.push('claim');
        return made;
      },
    });
    const encoder = new Encoder(port, 'show?key=k');
    await expect.poll(() => order).toEqual(['check 127.0.0.1 live show k', 'waiting']);
    expect(encoder.events).toEqual([]);
    allow();
    await encoder.event('publishing');
    await target();
    expect(order.at(-1)).toBe('claim');
  });

  it('A4.15 explains the refusal to a publisher with a wrong key, closes, claims no name, and logs no possible secret', async () => {
    const { server, port, logs, targets } = await startServer({
      check: async () => ({
        allowed: false,
        error: new SluiceError('access.publish-denied', 'denied', 'the stream key must be NAME?key=SECRET'),
      }),
    });
    const encoder = new Encoder(port, SECRET);
    expect(await encoder.event('rejected')).toEqual({
      type: 'rejected',
      code: 'NetStream.Publish.Denied',
      description: 'the stream key must be NAME?key=SECRET',
    });
    await encoder.closed;
    expect(targets).toEqual([]);
    expect(server.counters).toMatchObject({ publishesRefused: 1, publishesAccepted: 0 });
    expect(server.counters.closedByError.get('access.publish-denied')).toBe(1);
    expect(logs.filter(({ message }) => message === 'publish refused')).toHaveLength(1);
    expect(JSON.stringify(logs)).not.toContain(SECRET);
  });

  it.each([
    ['live.name-taken', 'invalid-state', 'NetStream.Publish.BadName'],
    ['live.stream-limit', 'limit', 'NetStream.Publish.Rejected'],
  ] as const)('A4.15 answers %s from admission with its own code', async (code, kind, expected) => {
    const { port } = await startServer({
      claim: () => {
        throw new SluiceError(code, kind, 'not now');
      },
    });
    const rejected = await new Encoder(port, 'show').event('rejected');
    expect(rejected).toMatchObject({ code: expected, description: 'not now' });
  });

  it('refuses if access fails, and survives a bug in serving one publisher', async () => {
    let broken = true;
    const { server, port, logs } = await startServer({
      check: async () => {
        if (broken) throw new Error('database is gone');
        return { allowed: true };
      },
      claim: (request, target) => {
        if (request.name === 'bug') throw new TypeError('undefined is not a function');
        return target;
      },
    });
    expect(await new Encoder(port, 'show').event('rejected')).toMatchObject({ code: 'NetStream.Failed' });
    broken = false;
    const rejected = await new Encoder(port, 'bug').event('rejected');
    expect(rejected).toMatchObject({
      code: 'NetStream.Failed',
      description: 'internal error, see the log of the server',
    });
    expect(logs.find(({ level }) => level === 'error')).toMatchObject({ err: expect.any(TypeError), stream: 'bug' });
    await new Encoder(port, 'show').event('publishing');
    expect(server.counters.publishers).toBe(1);
  });

  it('explains to an accepted publisher why its media cannot be served', async () => {
    const error = new SluiceError('live.video-codec', 'unsupported', 'VP6 cannot be served; set the encoder to H.264');
    const { port, target } = await startServer();
    const encoder = new Encoder(port, 'show');
    await encoder.event('publishing');
    const refusing = await target();
    refusing.onMessage = () => {
      throw error;
    };
    for (let i = 0; i < 50; i++) encoder.send('video', i, Buffer.from([0x14, 0, 0]));
    expect(await encoder.event('rejected')).toMatchObject({
      code: 'NetStream.Publish.Rejected',
      description: error.message,
    });
    await encoder.closed;
    expect(refusing.ends).toEqual([error]);
  });

  it('A8.02 lets the stream remove a publisher', async () => {
    const { port, target } = await startServer();
    const encoder = new Encoder(port, 'show');
    await encoder.event('publishing');
    const victim = await target();
    const reason = new SluiceError('live.taken-over', 'unavailable', 'another publisher took over');
    victim.kick(reason);
    victim.kick(reason);
    expect(await encoder.event('rejected')).toMatchObject({ description: reason.message });
    await encoder.closed;
    expect(victim.ends).toEqual([reason]);
  });

  it('lets the stream refuse during the claim', async () => {
    const reason = new SluiceError('live.taken-over', 'unavailable', 'too late');
    const { port, target } = await startServer({
      claim: (_, made) => {
        made.onKick = (listener) => listener(reason);
        return made;
      },
    });
    await new Encoder(port, 'show').event('rejected');
    expect((await target()).ends).toEqual([reason]);
  });

  it('A8.01 ends the stream once when the encoder hangs up or resets', async () => {
    const { port, target } = await startServer();
    for (const [index, how] of (['end', 'resetAndDestroy'] as const).entries()) {
      const encoder = new Encoder(port, 'show');
      await encoder.event('publishing');
      const received = await target(index);
      encoder.send('audio', 0, audioBody());
      await received.received(1);
      encoder.socket[how]();
      expect((await received.ended)?.code).toBe(how === 'end' ? undefined : 'rtmp-server.connection-lost');
      await encoder.closed;
      expect(received.ends).toHaveLength(1);
    }
  });

  it('A8.05 accepts ten reconnects in a row', async () => {
    const { server, port, targets } = await startServer();
    for (let i = 0; i < 10; i++) {
      const encoder = new Encoder(port, 'show');
      await encoder.event('publishing');
      encoder.socket.destroy();
    }
    await expect.poll(() => server.counters).toMatchObject({ connections: 0, publishers: 0, publishesAccepted: 10 });
    expect(targets.map(({ ends }) => ends.length)).toEqual(Array.from({ length: 10 }, () => 1));
  });

  it('ends a peer that leaves before access has answered, without a claim', async () => {
    let settle: (decision: { allowed: true }) => void = () => undefined;
    let asked: () => void = () => undefined;
    const wasAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const { server, port, targets } = await startServer({
      publishTimeout: 100,
      check: () => {
        asked();
        return new Promise((resolve) => {
          settle = resolve;
        });
      },
    });
    const encoder = new Encoder(port, 'show');
    await wasAsked;
    await encoder.closed;
    settle({ allowed: true });
    await new Promise((resolve) => setImmediate(resolve));
    expect(targets).toEqual([]);
    expect(server.counters.closedByError.get('rtmp-server.access-failed')).toBe(1);
  });

  it('C3.05 logs text from a peer on one line, escaped', async () => {
    const { port, logs } = await startServer();
    await new Encoder(port, 'show', { flashVer: 'OBS\r\n{"level":50}\u001b[31m' }).event('publishing');
    expect(logs.find(({ message }) => message === 'rtmp connected')).toMatchObject({
      app: 'live',
      encoder: 'OBS\\u{d}\\u{a}{"level":50}\\u{1b}[31m',
    });
  });
});
