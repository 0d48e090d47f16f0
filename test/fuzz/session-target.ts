// The whole server session as one target: whatever follows a handshake, the session answers, ends, or continues, and never throws.
import { DEFAULT_RTMP_LIMITS } from '../../src/protocols/rtmp/limits.js';
import { ServerSession } from '../../src/protocols/rtmp/server-session.js';
import { plainHandshake } from '../protocols/rtmp/test-peer.js';
import { publisherBytes } from './seeds.js';
import { ensure, type FuzzTarget, text } from './target.js';

const fixedRandom = (size: number): Buffer => Buffer.alloc(size, 0x5a);
const HANDSHAKE = plainHandshake();

export const sessionTarget: FuzzTarget = {
  name: 'rtmp-session',
  seeds: [publisherBytes(128), publisherBytes(4096)],
  dictionary: text(
    'connect',
    'createStream',
    'publish',
    'play',
    'deleteStream',
    'closeStream',
    '_result',
    'FCPublish',
    'releaseStream',
    'pause',
    'fourCcList',
    'capsEx',
    '@setDataFrame',
    'onMetaData',
    '\x11',
    '\x14',
    '\x12',
    '\x16',
  ),
  maxBytes: 4096,
  run(input) {
    const session = new ServerSession({ randomBytes: fixedRandom });
    let open = 0;
    let closed = 0;
    let sent = 0;
    const settle = (): void => {
      for (let event = session.nextEvent(); event !== undefined; event = session.nextEvent()) {
        ensure(closed === 0, 'nothing comes after the end of the session');
        switch (event.type) {
          case 'publish-request':
            session.accept(event.messageStreamId);
            open += 1;
            break;
          case 'play-request':
            session.reject(event.messageStreamId, { code: 'NetStream.Play.StreamNotFound', description: 'no' });
            break;
          case 'unpublish':
            open -= 1;
            break;
          case 'media':
            ensure(open > 0, 'media comes only from an accepted publisher');
            break;
          case 'closed':
            closed += 1;
            break;
          default:
            break;
        }
        ensure(open >= 0, 'a publish ends once');
      }
      sent += session.takeOutput()?.length ?? 0;
      ensure(session.pendingBytes <= DEFAULT_RTMP_LIMITS.maxPendingBytes, 'unfinished messages are bounded');
    };
    session.receive(HANDSHAKE);
    settle();
    const step = 1 + (input[0] ?? 0) * 16;
    for (let at = 0; at < input.length; at += step) {
      session.receive(input.subarray(at, at + step));
      settle();
    }
    session.end();
    settle();
    ensure(open === 0 && closed === 1, 'every publish and the session itself end exactly once');
    ensure(sent <= HANDSHAKE.length + 16_384 + 64 * input.length, 'answers are no amplifier');
  },
};
