// A publisher without an encoder: sends a short recording in a loop, in real time, so that the test does not load the machine.
import { RtmpPublisher } from '../../src/demo/rtmp-publisher.js';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { whenOver } from '../support/lifetime.js';
import type { FlvSource } from '../transcode/flv-source.js';

/** Headers that are empty are not sent. */
export type PublishedSource = Pick<FlvSource, 'videoHeader' | 'audioHeader' | 'media'>;

export interface LoopingPublisher {
  /** Whether the connection is open. */
  readonly connected: boolean;
  /** Milliseconds of media that were sent. */
  readonly sent: number;
  /** Sends one more message, at the current time. */
  send(type: FlvTag['type'], body: Buffer): void;
  /** From now on sends this media instead of the recording, for this many rounds. `chosen` selects the tags, and `made` changes them. */
  sendMedia(
    source: FlvSource,
    rounds?: number,
    chosen?: (tag: FlvTag) => boolean,
    made?: (body: Buffer) => Buffer,
  ): void;
  stop(): Promise<void>;
}

export interface LoopOptions {
  /** Seconds of media that are repeated; default 4. */
  readonly seconds?: number;
  /** Seconds of media that are sent at once, before real time begins. The gateway takes `maxMediaAhead`, 10 by default. */
  readonly burst?: number;
}

/**
 * Sends `audioHeader` and `videoHeader`, then the media of `source` for ever.
 * @param url `rtmp://HOST:PORT/APP/NAME?QUERY`
 */
export async function publishLoop(
  url: string,
  source: PublishedSource,
  { seconds = 4, burst = 0 }: LoopOptions = {},
): Promise<LoopingPublisher> {
  const publisher = await connectPublisher(url);
  sendHeaders(publisher, source);
  const first = source.media[0]?.timestamp ?? 0;
  const began = performance.now() - burst * 1000;
  let sent = 0;
  let index = 0;
  let connected = true;
  void publisher.closed.then(() => {
    connected = false;
  });
  const next = (): { readonly tag: FlvTag; readonly time: number } | undefined => {
    const tag = source.media[index % source.media.length];
    const round = Math.floor(index / source.media.length);
    return tag && { tag, time: tag.timestamp - first + round * seconds * 1000 };
  };
  const timer = setInterval(() => {
    for (let due = next(); due !== undefined && due.time <= performance.now() - began; due = next()) {
      publisher.send(due.tag.type, due.time, due.tag.body);
      sent = due.time;
      index += 1;
    }
  }, 10);
  const stop = async (): Promise<void> => {
    clearInterval(timer);
    await publisher.close();
  };
  whenOver(stop);
  return {
    get connected() {
      return connected;
    },
    get sent() {
      return sent;
    },
    send: (type, body) => void publisher.send(type, sent, body),
    sendMedia(given, rounds = 1, chosen = () => true, made = (body) => body) {
      const from = sent;
      const start = given.media[0]?.timestamp ?? 0;
      for (let round = 0; round < rounds; round++) {
        for (const tag of given.media.filter(chosen)) {
          const time = from + 40 + tag.timestamp - start + round * seconds * 1000;
          publisher.send(tag.type, time, made(tag.body));
          sent = Math.max(sent, time);
        }
      }
      clearInterval(timer);
    },
    stop,
  };
}

export async function connectPublisher(url: string): Promise<RtmpPublisher> {
  const { hostname, port, pathname, search } = new URL(url.replace('rtmp:', 'http:'));
  const [, app = '', name = ''] = pathname.split('/');
  const publisher = new RtmpPublisher({ host: hostname, port: Number(port), app, streamName: `${name}${search}` });
  await publisher.ready();
  return publisher;
}

export function sendHeaders(publisher: RtmpPublisher, { videoHeader, audioHeader }: PublishedSource): void {
  if (videoHeader.length > 0) publisher.send('video', 0, videoHeader);
  if (audioHeader.length > 0) publisher.send('audio', 0, audioHeader);
}
