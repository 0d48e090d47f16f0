// Connect, publish and end as encoders do them: each answer, their order, and the resulting events.
import { describe, expect, it } from 'vitest';
import { encodeAmf0 } from '../../../src/protocols/amf/amf0-encoder.js';
import { AmfEcmaArray, type AmfValue, amfObject, amfProperties } from '../../../src/protocols/amf/values.js';
import type { StatusReason } from '../../../src/protocols/rtmp/status-codes.js';
import { plainHandshake, TestPeer } from './test-peer.js';
import { pattern, u32 } from './wire-writer.js';

const keyFrame = Buffer.concat([Buffer.of(0x17, 1, 0, 0, 0), pattern(50)]);
const interFrame = Buffer.concat([Buffer.of(0x27, 1, 0, 0, 0), pattern(50)]);
const audioFrame = Buffer.of(0xaf, 1, 9, 9);
const AMF3_METADATA = Buffer.concat([Buffer.from('110a0b010b7769647468048500', 'hex'), Buffer.of(1)]);
const AMF3_SET_DATA_FRAME = Buffer.concat([Buffer.of(0x11, 6, 27), Buffer.from('@setDataFrame')]);
const AMF3_ON_META_DATA = Buffer.concat([Buffer.of(0x11, 6, 21), Buffer.from('onMetaData')]);
const denied: StatusReason = { code: 'NetStream.Publish.Denied', description: 'The key is wrong.' };

function types(peer: TestPeer): string[] {
  return peer.events.map(({ type }) => type);
}

describe('connect', () => {
  it('A4.01 A2.02 answers window, bandwidth, chunk size and _result, in this order, on message stream 0', () => {
    const peer = new TestPeer().connect();
    expect(
      peer.answers.map(({ type, chunkStreamId, messageStreamId }) => [type, chunkStreamId, messageStreamId]),
    ).toEqual([
      [5, 2, 0],
      [6, 2, 0],
      [1, 2, 0],
      [20, 3, 0],
    ]);
    expect(peer.answers[0]?.body).toEqual(u32(2_500_000));
    expect(peer.answers[2]?.body).toEqual(u32(65_536));
    expect(peer.commands[0]).toMatchObject({ name: '_result', transactionId: 1 });
  });

  it.each([
    [undefined, 0],
    [0, 0],
    [3, 3],
  ])('A4.02 sends two objects and echoes objectEncoding %s', (objectEncoding, expected) => {
    const peer = new TestPeer().connect([
      ['app', 'live'],
      ['objectEncoding', objectEncoding],
    ]);
    const [properties, information] = (peer.commands[0]?.values ?? []).map((value) => amfProperties(value));
    expect([...(properties?.keys() ?? [])]).toEqual(['fmsVer', 'capabilities']);
    expect(Object.fromEntries(information ?? [])).toEqual({
      level: 'status',
      code: 'NetConnection.Connect.Success',
      description: expect.any(String),
      objectEncoding: expected,
    });
  });

  it.each<[string, AmfValue[]]>([
    ['an ECMA array', [new AmfEcmaArray([['app', 'live']])]],
    ['nothing but app', [amfObject([['app', 'live']])]],
    [
      'a lower-case tcurl and keys nobody knows',
      [
        amfObject([
          ['app', 'live'],
          ['tcurl', "'rtmp://h/live'"],
          ['fourCcList', ['hvc1', 7, null]],
          ['nested', amfObject([['deep', amfObject([])]])],
          ['__proto__', amfObject([])],
        ]),
      ],
    ],
    ['further arguments', [amfObject([['app', 'live']]), 'user', null, 7]],
  ])('A4.03 accepts a connect with %s', (_name, values) => {
    const peer = new TestPeer().handshake().command('connect', 1, values);
    expect(peer.eventsOf('connected')).toMatchObject([{ app: 'live' }]);
    expect(peer.command('createStream', 2).command('publish', 3, [null, 'name'], 1).session.stage).toBe('publishing');
  });

  it.each<[string, AmfValue[]]>([
    ['no object', []],
    ['null', [null]],
    ['an object without app', [amfObject([['tcUrl', 'rtmp://h/live']])]],
    ['an app that is a number', [amfObject([['app', 5]])]],
  ])('A4.03 refuses a connect with %s, with _error, and closes', (_name, values) => {
    const peer = new TestPeer().handshake().command('connect', 1, values);
    expect(peer.commands[0]).toMatchObject({ name: '_error', transactionId: 1, messageStreamId: 0 });
    expect(peer.statuses[0]).toMatchObject({ level: 'error', code: 'NetConnection.Connect.Rejected' });
    expect(peer.closedWith).toBe('rtmp.connect');
  });

  it('refuses an application that is not a safe path with InvalidApp', () => {
    const peer = new TestPeer().connect([['app', '../../etc']]);
    expect(peer.statuses).toMatchObject([{ level: 'error', code: 'NetConnection.Connect.InvalidApp' }]);
    expect(peer.closedWith).toBe('rtmp.app-name');
  });

  it('A4.04 refuses a second connect and closes, ending the publish', () => {
    const peer = new TestPeer().publish().connectOnly();
    expect(types(peer)).toEqual(['connected', 'publish-request', 'unpublish', 'closed']);
    expect(peer.closedWith).toBe('rtmp.connect');
    expect(peer.commands.at(-1)?.name).toBe('_error');
  });

  it('refuses stream commands before connect', () => {
    const peer = new TestPeer().handshake().command('createStream', 2);
    expect(peer.closedWith).toBe('rtmp.connect');
    expect(peer.commands).toEqual([]);
  });

  it("A9.02 passes on the client's Enhanced RTMP capabilities and adds nothing to the answer", () => {
    const peer = new TestPeer().connect([
      ['app', 'live'],
      ['fourCcList', ['av01', 'hvc1']],
      ['videoFourCcInfoMap', amfObject([['*', 4]])],
      ['audioFourCcInfoMap', new AmfEcmaArray([['Opus', 3]])],
      ['capsEx', 15],
    ]);
    expect(peer.eventsOf('connected')[0]?.enhanced).toEqual({
      fourCcList: ['av01', 'hvc1'],
      videoFourCcInfoMap: new Map([['*', 4]]),
      audioFourCcInfoMap: new Map([['Opus', 3]]),
      capsEx: 15,
    });
    expect(new TestPeer().connect().eventsOf('connected')[0]?.enhanced).toEqual({});
  });

  it('A9.02 answers each Enhanced RTMP key that the client sent with what this server supports, and no other', () => {
    const sent: [string, AmfValue][] = [
      ['fourCcList', ['*']],
      ['videoFourCcInfoMap', amfObject([['*', 4]])],
      ['audioFourCcInfoMap', amfObject([['Opus', 3]])],
      ['capsEx', 1],
    ];
    const video = { avc1: 5, hvc1: 5, av01: 5, vp09: 5 };
    const audio = { Opus: 5, fLaC: 5, 'ac-3': 5, 'ec-3': 5, '.mp3': 5, mp4a: 5 };
    const expected: Record<string, unknown> = {
      fourCcList: [...Object.keys(video), ...Object.keys(audio)],
      videoFourCcInfoMap: video,
      audioFourCcInfoMap: audio,
      capsEx: 15,
    };
    const plain = (value: AmfValue): unknown => {
      const properties = amfProperties(value);
      return properties === undefined ? value : Object.fromEntries(properties);
    };
    for (const pairs of [sent, ...sent.map((pair) => [pair])]) {
      const answer = new TestPeer().connect([['app', 'live'], ...pairs]).commands[0];
      for (const object of answer?.values ?? []) {
        const got = [...(amfProperties(object) ?? [])].filter(([key]) => key in expected);
        expect(got.map(([key, value]) => [key, plain(value)])).toEqual(pairs.map(([key]) => [key, expected[key]]));
      }
    }
  });

  it('passes on the query of application and tcUrl, including the challenge of authmod=adobe', () => {
    const peer = new TestPeer().connect([
      ['app', 'live?authmod=adobe&user=u%40v&challenge=a+b/=&opaque=x'],
      ['tcUrl', '"rtmp://h/live?user=other&token=t"'],
    ]);
    expect(peer.eventsOf('connected')[0]).toMatchObject({ app: 'live' });
    expect([...(peer.eventsOf('connected')[0]?.query ?? [])]).toEqual([
      ['authmod', 'adobe'],
      ['user', 'u@v'],
      ['challenge', 'a+b/='],
      ['opaque', 'x'],
      ['token', 't'],
    ]);
  });

  it('A4.16 sends a challenge in the description of a refused connection, unchanged', () => {
    const peer = new TestPeer();
    peer.session.receive(plainHandshake());
    peer.session.receive(peer.commandBytes('connect', 1, [amfObject([['app', 'live']])]));
    expect(peer.session.nextEvent()?.type).toBe('connected');
    const description = '[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ';
    peer.session.rejectConnect({ code: 'NetConnection.Connect.Rejected', description });
    peer.settle();
    expect(peer.commands).toMatchObject([{ name: '_error', transactionId: 1, messageStreamId: 0 }]);
    expect(peer.statuses).toMatchObject([{ code: 'NetConnection.Connect.Rejected', level: 'error', description }]);
    expect(types(peer)).toEqual(['closed']);
    expect(() => peer.session.rejectConnect(denied)).not.toThrow();
  });

  it('rejectConnect after the answer is a bug of the caller, and throws', () => {
    const peer = new TestPeer().connect();
    expect(() => peer.session.rejectConnect(denied)).toThrow('answered');
    expect(peer.session.stage).toBe('connected');
  });

  it('A9.12 asks a client that supports it to reconnect, and goes on taking media', () => {
    const peer = new TestPeer().publish('name', [
      ['app', 'live'],
      ['capsEx', 1],
    ]);
    const target = { tcUrl: 'rtmp://other/live', description: 'This server is stopping.' };
    expect(peer.session.requestReconnect(target)).toBe(true);
    peer.message(9, keyFrame);
    const answer = peer.commands.at(-1);
    expect(answer).toMatchObject({ name: 'onStatus', transactionId: 0, messageStreamId: 0 });
    expect(answer?.values[0]).toBeNull();
    expect(Object.fromEntries(amfProperties(answer?.values[1]) ?? [])).toEqual({
      level: 'status',
      code: 'NetConnection.Connect.ReconnectRequest',
      ...target,
    });
    expect(peer.eventsOf('media')).toHaveLength(1);
    expect(peer.session.stage).toBe('publishing');
    expect(peer.session.requestReconnect({ description: 'x' })).toBe(true);
    expect(amfProperties(peer.settle().commands.at(-1)?.values[1])?.has('tcUrl')).toBe(false);
  });

  it.each([undefined, 0, 14, '1'])('A9.12 does not ask a client to reconnect that announced capsEx %j', (capsEx) => {
    const peer = new TestPeer().publish('name', [
      ['app', 'live'],
      ['capsEx', capsEx],
    ]);
    const before = peer.answers.length;
    expect(peer.session.requestReconnect({ description: 'x' })).toBe(false);
    expect(peer.settle().answers).toHaveLength(before);
    peer.session.end();
    expect(peer.session.requestReconnect({ description: 'x' })).toBe(false);
  });

  it('A4.19 accepts a connect of type 17 whose object is AMF3, and echoes its objectEncoding', () => {
    // {app: "live", objectEncoding: 3}, the second key dynamic like the first.
    const object = '110a0b01 07617070 06096c697665 1d6f626a656374456e636f64696e67 0403 01'.replaceAll(' ', '');
    const body = Buffer.concat([Buffer.of(0), encodeAmf0(['connect', 1]), Buffer.from(object, 'hex')]);
    const peer = new TestPeer().handshake().message(17, body, { messageStreamId: 0, chunkStreamId: 3 });
    expect(peer.eventsOf('connected')).toMatchObject([{ app: 'live' }]);
    expect(amfProperties(peer.commands[0]?.values[1])?.get('objectEncoding')).toBe(3);
    const publish = Buffer.concat([
      Buffer.of(0),
      encodeAmf0(['publish', 3, null]),
      Buffer.from('1106096e616d65', 'hex'),
    ]);
    peer.command('createStream', 2).message(17, publish, { chunkStreamId: 8 });
    expect(peer.eventsOf('publish-request')).toMatchObject([{ name: 'name' }]);
  });

  it('A4.16 lets the application refuse the connection itself', () => {
    const peer = new TestPeer().handshake();
    peer.session.receive(
      peer.commandBytes('connect', 1, [
        amfObject([
          ['app', 'live'],
          ['flashVer', 'x'],
        ]),
      ]),
    );
    expect(peer.session.nextEvent()).toMatchObject({ type: 'connected', flashVer: 'x' });
    peer.session.reject(0, { code: 'NetConnection.Connect.Rejected', description: 'Not here.' });
    peer.settle();
    expect(types(peer)).toEqual(['closed']);
    expect(peer.commands).toMatchObject([{ name: '_error', transactionId: 1 }]);
    expect(peer.statuses).toMatchObject([{ code: 'NetConnection.Connect.Rejected', description: 'Not here.' }]);
  });
});

describe('commands', () => {
  it.each(['_checkbw', 'checkBandwidth', 'vendorThing'])('A4.05 answers %s', (name) => {
    const peer = new TestPeer().connect().command(name, 9, [null, 'x']);
    expect(peer.commands.at(-1)).toEqual({
      name: '_result',
      transactionId: 9,
      values: [null, undefined],
      messageStreamId: 0,
      chunkStreamId: 3,
    });
    const before = peer.answers.length;
    expect(peer.command(name, 0).answers).toHaveLength(before);
  });

  it('answers getStreamLength with the number that FFmpeg expects: a live stream has no length', () => {
    const peer = new TestPeer().connect().command('getStreamLength', 9, [null, 'x']);
    expect(peer.commands.at(-1)).toMatchObject({ name: '_result', transactionId: 9, values: [null, 0] });
  });

  it('A4.06 answers releaseStream and FCPublish, the latter also with onFCPublish', () => {
    const peer = new TestPeer().connect().command('releaseStream', 2, [null, 'name']);
    peer.command('FCPublish', 3, [null, 'name']);
    const [release, publish, status] = peer.commands.slice(1);
    expect(release).toMatchObject({ name: '_result', transactionId: 2, values: [null, undefined] });
    expect(publish).toMatchObject({ name: '_result', transactionId: 3, values: [null, undefined] });
    expect(status).toMatchObject({ name: 'onFCPublish', transactionId: 0, messageStreamId: 0 });
    expect(amfProperties(status?.values[1])?.get('code')).toBe('NetStream.Publish.Start');
  });

  it('A4.06 accepts media when FCPublish and releaseStream never come', () => {
    expect(new TestPeer().publish().message(9, keyFrame).eventsOf('media')).toHaveLength(1);
  });

  it('A4.07 needs no transaction id for releaseStream, FCPublish and publish', () => {
    const peer = new TestPeer().connect().command('releaseStream', 0, [null, 'n']).command('FCPublish', 0, [null, 'n']);
    peer.command('createStream', 2).command('publish', 0, [null, 'n', 'live'], 1);
    expect(peer.session.stage).toBe('publishing');
    expect(peer.commands.map(({ name }) => name)).toEqual(['_result', 'onFCPublish', '_result', 'onStatus']);
  });

  it('A4.08 answers createStream with null and an id of at least 1, byte for byte', () => {
    const peer = new TestPeer().connect().command('createStream', 4);
    expect(peer.answers.at(-1)?.body.toString('hex')).toBe(
      '0200075f726573756c74004010000000000000' + '05' + '003ff0000000000000',
    );
    expect(peer.answers.at(-1)?.messageStreamId).toBe(0);
  });

  it.each([
    [3, 1],
    [4, 1],
    [8, 1],
    [3, 0],
    [8, 0],
  ])('A4.09 accepts publish on chunk stream %d and message stream %d', (chunkStreamId, messageStreamId) => {
    const peer = new TestPeer().connect().command('createStream', 2);
    peer.message(20, encodeAmf0(['publish', 3, null, 'name', 'live']), { chunkStreamId, messageStreamId });
    expect(peer.eventsOf('publish-request')).toMatchObject([{ messageStreamId: 1, app: 'live', name: 'name' }]);
    peer.message(9, keyFrame, { messageStreamId });
    peer.message(9, keyFrame, { messageStreamId: 1 });
    expect(peer.eventsOf('media').map((event) => event.messageStreamId)).toEqual([1, 1]);
  });

  it.each([
    ['publish', 'NetStream.Publish.BadName'],
    ['play', 'NetStream.Play.Failed'],
  ])(
    'refuses %s on a message stream that was never created or is deleted, and the connection goes on',
    (name, code) => {
      const peer = new TestPeer().connect();
      const ask = (messageStreamId: number) => peer.command(name, 3, [null, 'name', 'live'], messageStreamId);
      ask(0);
      ask(1);
      peer.command('createStream', 2);
      ask(7);
      peer.command('createStream', 4).command('deleteStream', 5, [null, 1]);
      ask(1);
      expect(peer.statuses.map((status) => status.code)).toEqual([code, code, code, code]);
      expect(peer.eventsOf(name === 'publish' ? 'publish-request' : 'play-request')).toHaveLength(0);
      ask(2);
      expect(peer.eventsOf(name === 'publish' ? 'publish-request' : 'play-request')).toHaveLength(1);
      expect(peer.closedWith).toBeUndefined();
    },
  );

  it('A4.18 ignores unknown commands and data during a publish', () => {
    const peer = new TestPeer().publish().command('onTextData', 0, [amfObject([['text', 'x']])], 1);
    peer.message(20, encodeAmf0(['|RtmpSampleAccess', true, true])).message(18, Buffer.of(1, 2, 3, 4));
    expect(types(peer)).toEqual(['connected', 'publish-request']);
  });

  it('A4.19 reads AMF3 commands and data', () => {
    const peer = new TestPeer().connect().command('createStream', 2);
    const body = encodeAmf0(['publish', 3, null, 'name', 'live']);
    peer.message(17, Buffer.concat([Buffer.of(0), body]));
    peer.message(15, Buffer.concat([Buffer.of(0), encodeAmf0(['@setDataFrame', 'onMetaData', amfObject([])])]));
    expect(peer.eventsOf('media')).toMatchObject([{ kind: 'script', body: encodeAmf0(['onMetaData', amfObject([])]) }]);
  });

  it('A4.20 passes on a play request, which the application rejects', () => {
    const peer = new TestPeer().connect().command('createStream', 2).command('FCSubscribe', 0, [null, 'name']);
    peer.acceptsPlays = false;
    peer.command('play', 0, [null, 'name?t=1', -2000], 1);
    expect(peer.eventsOf('play-request')).toMatchObject([{ messageStreamId: 1, app: 'live', name: 'name' }]);
    peer.session.reject(1, { code: 'NetStream.Play.StreamNotFound', description: 'Nothing to play.' });
    peer.settle();
    expect(peer.statuses).toMatchObject([
      { code: 'NetStream.Play.StreamNotFound', level: 'error', messageStreamId: 1 },
    ]);
    expect(types(peer).at(-1)).toBe('closed');
    expect(peer.closedWith).toBeUndefined();
  });

  it('A4.20 answers a play of a bad name itself', () => {
    const peer = new TestPeer().connect().command('createStream', 2).command('play', 0, [null, '../x'], 1);
    expect(peer.statuses).toMatchObject([{ code: 'NetStream.Play.StreamNotFound' }]);
    expect(peer.closedWith).toBe('rtmp.stream-name');
  });

  it('A4.23 limits createStream and closes', () => {
    const peer = new TestPeer().connect();
    for (let index = 0; index < 1000; index += 1) peer.command('createStream', index + 2);
    expect(peer.commands.filter(({ name }) => name === '_result')).toHaveLength(9);
    expect(peer.closedWith).toBe('rtmp.message-streams');
  });
});

describe('publish', () => {
  it('sends nothing until the application has answered', () => {
    const peer = new TestPeer();
    peer.accepts = false;
    peer.publish();
    expect(types(peer)).toEqual(['connected', 'publish-request']);
    expect(peer.statuses).toEqual([]);
    expect(peer.session.stage).toBe('connected');
  });

  it('A4.10 sends StreamBegin and NetStream.Publish.Start on the created message stream', () => {
    const peer = new TestPeer().publish();
    expect(peer.answers.at(-2)).toMatchObject({ type: 4, body: Buffer.from('000000000001', 'hex') });
    expect(peer.commands.at(-1)).toMatchObject({
      name: 'onStatus',
      transactionId: 0,
      messageStreamId: 1,
      chunkStreamId: 5,
    });
    expect(peer.commands.at(-1)?.values[0]).toBeNull();
    expect(peer.statuses).toEqual([
      { level: 'status', code: 'NetStream.Publish.Start', description: expect.any(String), messageStreamId: 1 },
    ]);
  });

  it('A4.11 never sends what makes OBS or FMLE hang up', () => {
    const peer = new TestPeer()
      .publish()
      .command('FCUnpublish', 6, [null, 'name'])
      .command('deleteStream', 7, [null, 1]);
    peer.session.end();
    peer.settle();
    const said = peer.answers.map(({ body }) => body.toString('latin1')).join('\n');
    for (const word of ['onFCUnsubscribe', 'close', 'NetConnection.Connect.Closed']) expect(said).not.toContain(word);
  });

  it.each([['live'], ['record'], ['append'], [''], ['myapp'], [undefined], [null], [7]])(
    'A4.12 treats the publish type %s as live',
    (publishType) => {
      const values = publishType === undefined ? [null, 'name'] : [null, 'name', publishType];
      const peer = new TestPeer().connect().command('createStream', 2).command('publish', 3, values, 1);
      expect(peer.session.stage).toBe('publishing');
    },
  );

  it.each<[AmfValue]>([[''], ['?key=x'], [false], [null], ['/'], ['a b'], ['..'], ['%2e%2e'], ['x'.repeat(256)]])(
    'A4.13 rejects the name %s with BadName and closes',
    (name) => {
      const peer = new TestPeer().publish(name);
      expect(peer.statuses).toMatchObject([
        { level: 'error', code: 'NetStream.Publish.BadName', messageStreamId: 1, description: expect.any(String) },
      ]);
      expect(types(peer)).toEqual(['connected', 'closed']);
      expect(peer.closedWith).toBe('rtmp.stream-name');
    },
  );

  it.each<[string, AmfValue[]]>([
    ['publish(false)', [null, false]],
    ['an empty name', [null, '']],
    ['no name', [null]],
  ])('A4.14 takes %s after a live publish as its end', (_name, values) => {
    const peer = new TestPeer().publish().command('publish', 0, values, 1);
    expect(types(peer)).toEqual(['connected', 'publish-request', 'unpublish']);
    expect(peer.session.stage).toBe('connected');
    expect(peer.statuses.at(-1)?.code).toBe('NetStream.Unpublish.Success');
    peer.command('publish', 0, [null, 'again', 'live'], 1);
    expect(peer.eventsOf('publish-request').map(({ name }) => name)).toEqual(['name', 'again']);
    expect(peer.session.stage).toBe('publishing');
  });

  it.each([
    'NetStream.Publish.BadName',
    'NetStream.Publish.Denied',
    'NetStream.Publish.Rejected',
    'NetStream.Failed',
    'NetConnection.Connect.InvalidApp',
  ] as const)('A4.15 rejects with %s, once, and closes', (code) => {
    const peer = new TestPeer();
    peer.accepts = false;
    peer.publish();
    peer.session.reject(1, { code, description: 'Because.' });
    peer.session.reject(1, { code, description: 'Again.' });
    peer.settle();
    expect(peer.statuses).toEqual([{ level: 'error', code, description: 'Because.', messageStreamId: 1 }]);
    expect(types(peer)).toEqual(['connected', 'publish-request', 'closed']);
    expect(peer.session.stage).toBe('closed');
  });

  it('A4.15 rejects a live publish: unpublish comes before closed', () => {
    const peer = new TestPeer().publish();
    peer.session.reject(1, denied);
    peer.settle().message(9, keyFrame);
    expect(types(peer)).toEqual(['connected', 'publish-request', 'unpublish', 'closed']);
    expect(peer.statuses.at(-1)).toMatchObject({ code: denied.code, level: 'error', messageStreamId: 1 });
  });

  it('A4.17 keeps media that comes before the answer, in order, and drops it after a rejection', () => {
    for (const accept of [true, false]) {
      const peer = new TestPeer();
      peer.accepts = false;
      peer
        .publish()
        .message(18, encodeAmf0(['@setDataFrame', 'onMetaData', new AmfEcmaArray()]))
        .message(9, keyFrame);
      peer.message(8, audioFrame, { chunkStreamId: 4 });
      expect(peer.eventsOf('media')).toEqual([]);
      if (accept) peer.session.accept(1);
      else peer.session.reject(1, denied);
      peer.settle();
      expect(peer.eventsOf('media').map(({ kind }) => kind)).toEqual(accept ? ['script', 'video', 'audio'] : []);
    }
  });

  it('A4.17 keeps at most 2 MB of it, and then no video until the next key frame', () => {
    const peer = new TestPeer();
    peer.accepts = false;
    peer.publish();
    const large = Buffer.concat([keyFrame, pattern(500_000)]);
    for (let index = 0; index < 10; index += 1) peer.message(9, large, { timestamp: index });
    for (let index = 0; index < 30_000; index += 1) peer.message(8, Buffer.of(0xaf), { chunkStreamId: 4 });
    peer.session.accept(1);
    expect(peer.settle().eventsOf('media')).toHaveLength(4);
    peer
      .message(9, interFrame)
      .message(8, audioFrame, { chunkStreamId: 4 })
      .message(9, keyFrame)
      .message(9, interFrame);
    expect(
      peer
        .eventsOf('media')
        .slice(4)
        .map(({ body }) => body[0]),
    ).toEqual([0xaf, 0x17, 0x27]);
    expect(peer.session.stage).toBe('publishing');
  });

  it('A4.17 counts more than the bodies, so that tiny messages are bounded too', () => {
    const peer = new TestPeer();
    peer.accepts = false;
    peer.publish();
    for (let index = 0; index < 30_000; index += 1) peer.message(8, Buffer.of(0xaf), { chunkStreamId: 4 });
    peer.session.accept(1);
    const { length } = peer.settle().eventsOf('media');
    expect(length).toBeGreaterThan(10_000);
    expect(length).toBeLessThan(20_000);
  });

  it('A4.21 refuses a second publish on one connection and leaves the first alone', () => {
    const peer = new TestPeer().publish().command('createStream', 4).command('publish', 5, [null, 'other', 'live'], 2);
    expect(peer.statuses.at(-1)).toMatchObject({ code: 'NetStream.Publish.BadName', messageStreamId: 2 });
    peer.message(9, keyFrame, { messageStreamId: 1 }).message(9, keyFrame, { messageStreamId: 2 });
    peer.command('play', 0, [null, 'other'], 1);
    expect(peer.statuses.at(-1)).toMatchObject({ code: 'NetStream.Play.Failed', messageStreamId: 1 });
    expect(types(peer)).toEqual(['connected', 'publish-request', 'media']);
    peer.command('deleteStream', 0, [null, 2]);
    expect(peer.session.stage).toBe('publishing');
  });

  const endings: [string, (peer: TestPeer) => void][] = [
    ['deleteStream with its number', (peer) => peer.command('deleteStream', 7, [null, 1])],
    ['deleteStream with a string', (peer) => peer.command('deleteStream', 0, [null, 'name'])],
    ['deleteStream with null', (peer) => peer.command('deleteStream', 0, [null, null])],
    ['deleteStream without argument', (peer) => peer.command('deleteStream', 0, [])],
    ['closeStream', (peer) => peer.command('closeStream', 0, [null], 1)],
    ['closeStream on message stream 0', (peer) => peer.command('closeStream', 0, [null])],
    ['FCUnpublish alone', (peer) => peer.command('FCUnpublish', 6, [null, 'name'])],
    ['the end of the connection alone', (peer) => peer.session.end()],
    [
      'all of them at once',
      (peer) => {
        peer.command('FCUnpublish', 6, [null, 'name']).command('closeStream', 0, [null], 1);
        peer.command('deleteStream', 7, [null, 1]).command('publish', 0, [null, false], 1);
      },
    ],
  ];

  it.each(endings)('A4.22 ends exactly once: %s', (_name, end) => {
    const peer = new TestPeer().publish();
    end(peer);
    peer.settle().message(9, keyFrame);
    peer.session.end();
    peer.settle();
    expect(types(peer)).toEqual(['connected', 'publish-request', 'unpublish', 'closed']);
    expect(peer.closedWith).toBeUndefined();
  });

  it('A4.22 ends nothing after a deleteStream of another number', () => {
    expect(new TestPeer().publish().command('deleteStream', 7, [null, 5]).session.stage).toBe('publishing');
  });

  it('A8.04 pairs every accept with one unpublish, even if the peer ended it before the answer', () => {
    const peer = new TestPeer();
    peer.accepts = false;
    peer.publish().command('deleteStream', 7, [null, 1]);
    expect(types(peer)).toEqual(['connected', 'publish-request']);
    peer.command('publish', 8, [null, 'other', 'live'], 1);
    expect(peer.statuses.at(-1)?.code).toBe('NetStream.Publish.BadName');
    peer.session.accept(1);
    peer.settle();
    expect(types(peer)).toEqual(['connected', 'publish-request', 'unpublish']);
    expect(peer.statuses.some(({ code }) => code === 'NetStream.Publish.Start')).toBe(false);
  });

  it('a second accept has no effect, nor one for another stream or after the end', () => {
    const peer = new TestPeer().publish();
    const before = peer.answers.length;
    peer.session.accept(1);
    peer.session.accept(9);
    expect(peer.settle().answers).toHaveLength(before);
    peer.session.end();
    peer.session.accept(1);
    peer.session.end();
    peer.settle();
    expect(types(peer)).toEqual(['connected', 'publish-request', 'unpublish', 'closed']);
    expect(peer.session.takeOutput()).toBeUndefined();
  });

  it('A8.06 publishes again on a new stream after deleteStream', () => {
    const peer = new TestPeer().publish().command('deleteStream', 7, [null, 1]);
    peer
      .command('createStream', 8)
      .command('publish', 9, [null, 'again', 'live'], 2)
      .message(9, keyFrame, { messageStreamId: 2 });
    expect(types(peer)).toEqual(['connected', 'publish-request', 'unpublish', 'publish-request', 'media']);
    expect(peer.eventsOf('media')[0]?.messageStreamId).toBe(2);
  });

  it('passes on names and parameters in their canonical form', () => {
    const peer = new TestPeer().publish('mp4:key.flv?key=a+b', [
      ['app', 'live/room/?key=no&x=1'],
      ['tcUrl', 'rtmp://h/live/room?key=never&y=2'],
    ]);
    const request = peer.eventsOf('publish-request')[0];
    expect(request).toMatchObject({ app: 'live/room', name: 'key', publishType: 'live' });
    expect(Object.fromEntries(request?.query ?? [])).toEqual({ key: 'a+b', x: '1', y: '2' });
  });
});

describe('data', () => {
  it.each([
    ['@setDataFrame + onMetaData', encodeAmf0(['@setDataFrame', 'onMetaData', amfObject([['width', 1]])])],
    ['bare onMetaData', encodeAmf0(['onMetaData', amfObject([['width', 1]])])],
  ])('A6.01 passes on %s as the body of a script tag', (_name, body) => {
    const peer = new TestPeer().publish().message(18, body, { timestamp: 7 });
    expect(peer.eventsOf('media')).toMatchObject([
      { kind: 'script', timestamp: 7, body: encodeAmf0(['onMetaData', amfObject([['width', 1]])]) },
    ]);
  });

  it.each([
    ['an AMF3 object behind AMF0 names', [encodeAmf0(['@setDataFrame', 'onMetaData']), AMF3_METADATA]],
    ['AMF3 throughout', [AMF3_SET_DATA_FRAME, AMF3_ON_META_DATA, AMF3_METADATA]],
  ])('A4.19 A6.01 hands on metadata of type 15 as AMF0: %s', (_name, parts) => {
    const expected = encodeAmf0(['onMetaData', amfObject([['width', 640]])]);
    for (const selector of [Buffer.of(0), Buffer.alloc(0)]) {
      // Without the selector, only messages that do not start with a zero of their own can be recognized.
      const peer = new TestPeer().publish().message(15, Buffer.concat([selector, ...parts]));
      expect(peer.eventsOf('media')).toMatchObject([{ kind: 'script', body: expected }]);
    }
  });

  it('A6.02 A6.05 needs no metadata, and accepts it after sequence headers and media', () => {
    const metadata = encodeAmf0(['@setDataFrame', 'onMetaData', amfObject([['width', 1]])]);
    const peer = new TestPeer().publish().message(9, keyFrame).message(8, audioFrame).message(18, metadata);
    peer.message(9, interFrame);
    expect(peer.eventsOf('media').map(({ kind }) => kind)).toEqual(['video', 'audio', 'script', 'video']);
  });

  it.each([
    ['4 bytes of timecode', Buffer.of(0, 0, 0, 1)],
    ['cut AMF', encodeAmf0(['onMetaData', amfObject([['width', 1]])]).subarray(0, 20)],
    ['a wrapper without content', encodeAmf0(['@setDataFrame'])],
    ['data without a name', encodeAmf0([1, 'x'])],
    ['what servers say to their players', encodeAmf0(['|RtmpSampleAccess', true, true])],
  ])('A6.06 ignores %s', (_name, body) => {
    const peer = new TestPeer().publish().message(18, body);
    expect(types(peer)).toEqual(['connected', 'publish-request']);
  });

  it.each([
    ['a cue point', encodeAmf0(['onCuePoint', amfObject([])]), encodeAmf0(['onCuePoint', amfObject([])])],
    ['another name in the wrapper', encodeAmf0(['@setDataFrame', 'onOther', 1]), encodeAmf0(['onOther', 1])],
  ])('passes on %s', (_name, body, passed) => {
    expect(new TestPeer().publish().message(18, body).eventsOf('media')).toMatchObject([
      { kind: 'script', body: passed },
    ]);
  });

  it('passes on data in AMF3 as it came', () => {
    const body = Buffer.concat([Buffer.of(0), encodeAmf0(['onTextData']), Buffer.of(0x11, 0x06, 0x03, 0x61)]);
    const [media] = new TestPeer().publish().message(15, body).eventsOf('media');
    expect(media).toMatchObject({ kind: 'script', body: body.subarray(1) });
  });

  it('drops media without a publish, for no stream at all, and after the end', () => {
    const peer = new TestPeer().connect().message(9, keyFrame).command('createStream', 2).message(9, keyFrame);
    peer.command('publish', 3, [null, 'name'], 1).message(9, keyFrame, { messageStreamId: 7 });
    expect(peer.command('deleteStream', 4, [null, 1]).message(9, keyFrame).eventsOf('media')).toEqual([]);
  });
});
