// However the bytes of a publisher are cut into reads, and whatever they contain, a session keeps its contract.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { amfObject } from '../../src/protocols/amf/values.js';
import { ClientSession } from '../../src/protocols/rtmp/client-session.js';
import { DEFAULT_RTMP_LIMITS } from '../../src/protocols/rtmp/limits.js';
import { ServerSession } from '../../src/protocols/rtmp/server-session.js';
import type { SessionEvent } from '../../src/protocols/rtmp/session-event.js';
import { plainHandshake } from '../protocols/rtmp/test-peer.js';
import { pattern, subMessage, u32, type WireMessage, WireWriter } from '../protocols/rtmp/wire-writer.js';
import { cutAt } from './cutting.js';

const SEED = 20_260_103;

/** The same bytes every time, so that the outputs of two sessions can be compared. */
const fixedRandom = (size: number) => pattern(size, 7);

interface Transcript {
  /** As taken. */
  readonly events: SessionEvent[];
  /** Events and output as text, because texts compare much faster. */
  readonly text: string;
}

/** Runs a whole connection, with its input cut into these parts. Accepts or rejects all publishes. */
function live(parts: readonly Buffer[], accepts: boolean): Transcript {
  const session = new ServerSession({ randomBytes: fixedRandom });
  const events: SessionEvent[] = [];
  const output: Buffer[] = [];
  const settle = () => {
    for (let event = session.nextEvent(); event !== undefined; event = session.nextEvent()) {
      events.push(event);
      if (event.type === 'play-request') {
        const { messageStreamId } = event;
        if (!accepts) session.rejectPlay(messageStreamId, { code: 'NetStream.Play.Failed', description: '' });
        else {
          session.acceptPlay(messageStreamId);
          session.sendMedia(messageStreamId, 'video', events.length, pattern(300));
        }
      }
      if (event.type !== 'publish-request') continue;
      if (accepts) session.accept(event.messageStreamId);
      else session.reject(event.messageStreamId, { code: 'NetStream.Publish.Denied', description: 'no' });
    }
    const bytes = session.takeOutput();
    if (bytes !== undefined) output.push(bytes);
    if (session.pendingBytes > DEFAULT_RTMP_LIMITS.maxPendingBytes)
      throw new Error(`${session.pendingBytes} bytes held`);
  };
  for (const part of parts) {
    session.receive(part);
    settle();
  }
  session.end();
  settle();
  const asText = (key: string, value: unknown) => {
    if (value instanceof URLSearchParams) return value.toString();
    return key === 'body' ? Buffer.from((value as { data: number[] }).data).toString('latin1') : value;
  };
  return { events, text: `${JSON.stringify(events, asText)}\n${Buffer.concat(output).toString('latin1')}` };
}

function command(name: string, transactionId: number, ...values: Parameters<typeof encodeAmf0>[0]): Buffer {
  return encodeAmf0([name, transactionId, ...values]);
}

const publishName = fc.constantFrom('name', 'name?key=a/b', 'mp4:x', '', 'bad name');
const said: fc.Arbitrary<WireMessage> = fc
  .tuple(
    fc.oneof(
      publishName.map((name) => [20, command('publish', 5, null, name, 'live')] as const),
      fc.constantFrom(
        [20, command('releaseStream', 2, null, 'name')] as const,
        [20, command('FCPublish', 3, null, 'name')] as const,
        [20, command('createStream', 4, null)] as const,
        [20, command('deleteStream', 7, null, 1)] as const,
        [20, command('FCUnpublish', 6, null, 'name')] as const,
        [20, command('_checkbw', 9, null)] as const,
        [17, Buffer.concat([Buffer.of(0), command('closeStream', 0, null)])] as const,
        [20, command('play', 0, null, 'name')] as const,
        [20, command('play', 0, null, 'other', -2000, -1, false)] as const,
        [20, command('play', 0, null, false)] as const,
        [20, command('pause', 0, null, true, 5)] as const,
        [20, command('unpause', 0, null)] as const,
        [20, command('seek', 0, null, 1000)] as const,
        [20, command('receiveVideo', 0, null, false)] as const,
        [20, command('FCSubscribe', 8, null, 'name')] as const,
        [20, command('FCUnsubscribe', 0, null, 'name')] as const,
        [18, encodeAmf0(['@setDataFrame', 'onMetaData', amfObject([['width', 640]])])] as const,
        [4, Buffer.from('000600000001', 'hex')] as const,
        [5, u32(2_500_000)] as const,
        [6, Buffer.concat([u32(2_500_000), Buffer.of(2)])] as const,
        [2, u32(6)] as const,
        [1, u32(128)] as const,
        [22, Buffer.concat([subMessage(9, 0, pattern(30)), subMessage(8, 3, pattern(9))])] as const,
        [99, pattern(20)] as const,
      ),
      fc
        .tuple(fc.constantFrom(8, 9), fc.integer({ min: 1, max: 1000 }))
        .map(([type, size]) => [type, pattern(size)] as const),
    ),
    fc.constantFrom(3, 4, 6, 8, 70),
    fc.constantFrom(0, 1, 1, 1, 2),
    fc.constantFrom(0, 40, 20_000_000),
  )
  .map(([[type, body], chunkStreamId, messageStreamId, timestamp]) => ({
    type,
    body,
    chunkStreamId,
    messageStreamId,
    timestamp,
  }));

/** A connection that is valid at first, and later may not be. */
const conversation = fc.array(said, { minLength: 1, maxLength: 25 }).map((messages) => {
  const writer = new WireWriter();
  const connect = { chunkStreamId: 3, timestamp: 0, messageStreamId: 0, type: 20 };
  return Buffer.concat([
    plainHandshake(),
    writer.message({ ...connect, body: command('connect', 1, amfObject([['app', 'live']])) }),
    writer.message({ ...connect, body: command('createStream', 2, null) }),
    ...messages.map((message) => writer.message(message)),
  ]);
});

describe('server session', () => {
  it('gives the same events and output however its input is cut', () => {
    fc.assert(
      fc.property(conversation, fc.array(fc.nat(), { maxLength: 40 }), fc.boolean(), (wire, cuts, accepts) => {
        const whole = live([wire], accepts);
        expect(live(cutAt(wire, cuts), accepts).text).toBe(whole.text);
        expect(whole.events.filter(({ type }) => type === 'closed')).toHaveLength(1);
        expect(whole.events.at(-1)?.type).toBe('closed');
      }),
      { seed: SEED, numRuns: 1000, interruptAfterTimeLimit: 20_000 },
    );
  });

  it('gives them byte by byte too, for a real publisher', () => {
    const client = new ClientSession({
      app: 'live',
      tcUrl: 'rtmp://h/live',
      streamName: 'name?key=x',
      randomBytes: fixedRandom,
    });
    const server = new ServerSession({ randomBytes: fixedRandom });
    const wire: Buffer[] = [];
    for (let turn = 0; turn < 10; turn += 1) {
      const toServer = client.takeOutput();
      if (toServer !== undefined) wire.push(toServer);
      server.receive(toServer ?? Buffer.alloc(0));
      for (let event = server.nextEvent(); event !== undefined; event = server.nextEvent()) {
        if (event.type === 'publish-request') server.accept(event.messageStreamId);
      }
      client.receive(server.takeOutput() ?? Buffer.alloc(0));
      while (client.nextEvent() !== undefined);
    }
    for (let frame = 0; frame < 20; frame += 1) {
      client.send('video', frame * 20_000_000, pattern(9000, frame));
      client.send('audio', frame * 20_000_000, pattern(300, frame));
    }
    client.unpublish();
    wire.push(client.takeOutput() as Buffer);
    const bytes = Buffer.concat(wire);
    const whole = live([bytes], true);
    expect(whole.events.map(({ type }) => type)).toEqual([
      'connected',
      'publish-request',
      ...Array.from({ length: 40 }, () => 'media'),
      'unpublish',
      'closed',
    ]);
    expect(
      live(
        Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
        true,
      ).text,
    ).toBe(whole.text);
  });

  it('reports publishes correctly, whatever the peer sends', () => {
    fc.assert(
      fc.property(conversation, (wire) => {
        let publishing = false;
        let accepted = 0;
        let ended = 0;
        for (const event of live([wire], true).events) {
          if (event.type === 'publish-request') {
            expect(publishing).toBe(false);
            publishing = true;
            accepted += 1;
          } else if (event.type === 'unpublish') {
            expect(publishing).toBe(true);
            publishing = false;
            ended += 1;
          } else if (event.type === 'media') expect(publishing).toBe(true);
          else if (event.type === 'closed') expect(publishing).toBe(false);
        }
        expect(ended).toBe(accepted);
      }),
      { seed: SEED + 1, numRuns: 500, interruptAfterTimeLimit: 20_000 },
    );
  });

  it('pairs each accepted play with one stop-play, and reports pauses only in between', () => {
    fc.assert(
      fc.property(conversation, (wire) => {
        const playing = new Set<number>();
        for (const event of live([wire], true).events) {
          if (event.type === 'play-request') {
            expect(playing).not.toContain(event.messageStreamId);
            playing.add(event.messageStreamId);
          } else if (event.type === 'stop-play') expect(playing.delete(event.messageStreamId)).toBe(true);
          else if (event.type === 'pause') expect(playing).toContain(event.messageStreamId);
          else if (event.type === 'closed') expect([...playing]).toEqual([]);
        }
      }),
      { seed: SEED + 4, numRuns: 500, interruptAfterTimeLimit: 20_000 },
    );
  });

  it('C2.10 gives events or one typed error for 10,000 random and damaged streams, in bounded memory', () => {
    const random = fc
      .uint8Array({ maxLength: 600 })
      .map((bytes) => Buffer.concat([plainHandshake(), Buffer.from(bytes)]));
    const damaged = fc
      .tuple(conversation, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }))
      .map(([wire, changes]) => {
        const bytes = Buffer.from(wire);
        const handshake = plainHandshake().length;
        for (const [at, byte] of changes) bytes[handshake + (at % (bytes.length - handshake))] = byte;
        return bytes;
      });
    let closedByPeer = 0;
    fc.assert(
      fc.property(fc.oneof(random, damaged), fc.array(fc.nat(), { maxLength: 3 }), (wire, cuts) => {
        const { events } = live(cutAt(wire, cuts), true);
        const closed = events.filter((event) => event.type === 'closed');
        expect(closed).toHaveLength(1);
        const error = closed[0]?.error;
        if (error === undefined) return;
        closedByPeer += 1;
        expect(error.code).toMatch(/^rtmp\./);
        expect(error.code).not.toBe('rtmp.internal');
        expect(error.message.length).toBeLessThan(300);
      }),
      { seed: SEED + 2, numRuns: 10_000, interruptAfterTimeLimit: 40_000 },
    );
    expect(closedByPeer).toBeGreaterThan(0);
  });

  it('C2.10 survives random bytes in place of the handshake', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), (bytes) => {
        const { events } = live([Buffer.from(bytes)], true);
        expect(events.at(-1)?.type).toBe('closed');
      }),
      { seed: SEED + 3, numRuns: 300, interruptAfterTimeLimit: 10_000 },
    );
  });
});
