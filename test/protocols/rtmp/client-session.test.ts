// The client session talks to our server session, so that each tests the other.
import { describe, expect, it } from 'vitest';
import { encodeAmf0 } from '../../../src/protocols/amf/amf0-encoder.js';
import { amfObject } from '../../../src/protocols/amf/values.js';
import type { ClientEvent } from '../../../src/protocols/rtmp/client-event.js';
import { ClientSession } from '../../../src/protocols/rtmp/client-session.js';
import { ServerSession } from '../../../src/protocols/rtmp/server-session.js';
import type { SessionEvent } from '../../../src/protocols/rtmp/session-event.js';
import { pattern } from './wire-writer.js';

/** Both ends of one connection, and what they sent. */
class Connection {
  readonly server = new ServerSession();
  readonly client: ClientSession;
  readonly serverEvents: SessionEvent[] = [];
  readonly clientEvents: ClientEvent[] = [];
  onEvent: (event: SessionEvent) => void = (event) => {
    if (event.type === 'publish-request') this.server.accept(event.messageStreamId);
  };

  constructor(options: { streamName?: string; chunkSize?: number } = {}) {
    this.client = new ClientSession({
      app: 'live',
      tcUrl: 'rtmp://127.0.0.1/live',
      streamName: options.streamName ?? 'name?key=secret',
      ...(options.chunkSize !== undefined && { chunkSize: options.chunkSize }),
    });
  }

  /** Carries bytes back and forth until both ends are silent. */
  settle(): this {
    for (;;) {
      const toServer = this.client.takeOutput();
      if (toServer !== undefined) this.server.receive(toServer);
      for (let event = this.server.nextEvent(); event !== undefined; event = this.server.nextEvent()) {
        this.serverEvents.push(event);
        this.onEvent(event);
      }
      const toClient = this.server.takeOutput();
      if (toClient !== undefined) this.client.receive(toClient);
      for (let event = this.client.nextEvent(); event !== undefined; event = this.client.nextEvent()) {
        this.clientEvents.push(event);
      }
      if (toServer === undefined && toClient === undefined) return this;
    }
  }

  media(): [string, number, Buffer][] {
    return this.serverEvents.flatMap((event) =>
      event.type === 'media' ? [[event.kind, event.timestamp, event.body] as [string, number, Buffer]] : [],
    );
  }
}

describe('ClientSession against ServerSession', () => {
  it('publishes', () => {
    const connection = new Connection().settle();
    expect(connection.clientEvents).toEqual([{ type: 'publishing' }]);
    const request = connection.serverEvents.find(({ type }) => type === 'publish-request');
    expect(request).toMatchObject({ app: 'live', name: 'name', publishType: 'live' });
    expect(connection.server.stage).toBe('publishing');
  });

  it.each([128, 4096, 65_536, 0xffffff])('sends media in chunks of %d bytes', (chunkSize) => {
    const connection = new Connection({ chunkSize }).settle();
    const metadata = encodeAmf0(['onMetaData', amfObject([['width', 2]])]);
    const sent: ['audio' | 'video' | 'script', number, Buffer][] = [
      ['script', 0, metadata],
      ['video', 0, pattern(70_000)],
      ['audio', 5, pattern(300, 2)],
      ['video', 0x1000000, pattern(5000, 3)],
      ['video', 0x1000021, pattern(5000, 4)],
      ['audio', 2 ** 32 - 1, pattern(1, 5)],
    ];
    for (const [kind, timestamp, body] of sent) connection.client.send(kind, timestamp, body);
    connection.client.send('audio', 2 ** 32 + 4, pattern(9));
    expect(connection.settle().media()).toEqual([...sent, ['audio', 4, pattern(9)]]);
  });

  it('ends with FCUnpublish and deleteStream', () => {
    const connection = new Connection().settle();
    connection.client.unpublish();
    connection.settle();
    expect(connection.serverEvents.at(-1)?.type).toBe('unpublish');
    expect(connection.clientEvents).toEqual([{ type: 'publishing' }, { type: 'closed' }]);
    connection.client.unpublish();
    connection.client.send('audio', 0, pattern(1));
    expect(connection.client.takeOutput()).toBeUndefined();
  });

  it('reports a rejection with the words of the server', () => {
    const connection = new Connection();
    connection.onEvent = (event) => {
      if (event.type !== 'publish-request') return;
      connection.server.reject(event.messageStreamId, { code: 'NetStream.Publish.Denied', description: 'No.' });
    };
    expect(connection.settle().clientEvents).toEqual([
      { type: 'rejected', code: 'NetStream.Publish.Denied', description: 'No.' },
      { type: 'closed', error: expect.objectContaining({ code: 'rtmp.rejected' }) },
    ]);
  });

  it('reports the rejection of a bad name and of the connection', () => {
    expect(new Connection({ streamName: '' }).settle().clientEvents[0]).toMatchObject({
      type: 'rejected',
      code: 'NetStream.Publish.BadName',
    });
    const refused = new Connection();
    refused.onEvent = (event) => {
      if (event.type !== 'connected') return;
      refused.server.reject(0, { code: 'NetConnection.Connect.InvalidApp', description: 'No such app.' });
    };
    expect(refused.settle().clientEvents[0]).toMatchObject({ type: 'rejected', description: 'No such app.' });
  });

  it('answers pings and acknowledges', () => {
    const connection = new Connection().settle();
    connection.server.ping(7);
    const ping = connection.server.takeOutput() as Buffer;
    connection.client.receive(ping);
    expect(connection.client.nextEvent()).toBeUndefined();
    expect(connection.client.takeOutput()?.subarray(-6).toString('hex')).toBe('000700000007');
  });

  it('sends nothing before it is allowed to', () => {
    const connection = new Connection();
    connection.client.send('video', 0, pattern(10));
    expect(connection.client.takeOutput()).toHaveLength(1537);
  });

  it('closes with an error, and throws nothing, if the server sends nonsense', () => {
    const connection = new Connection();
    connection.client.receive(Buffer.from('HTTP/1.1 400 Bad Request'));
    expect(connection.client.nextEvent()).toMatchObject({ type: 'closed', error: { code: 'rtmp.not-rtmp' } });
    const later = new Connection().settle();
    later.client.receive(Buffer.alloc(1000, 0xff));
    expect(later.client.nextEvent()).toMatchObject({ type: 'closed', error: { code: 'rtmp.chunk-header' } });
    expect(later.client.nextEvent()).toBeUndefined();
  });
});
