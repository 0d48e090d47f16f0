// Recorded bytes of real clients must always give the same stream, however the network cuts them.
import { describe, expect, it } from 'vitest';
import { LiveStream } from '../../src/live/stream.js';
import type { LiveTag } from '../../src/live/tag.js';
import type { SluiceError } from '../../src/protocols/errors.js';
import { parseVideoTag } from '../../src/protocols/flv/video-tag.js';
import { type Answer, TestPeer } from '../protocols/rtmp/test-peer.js';
import { readCapture } from './captures.js';
import { LATE_PUBLISHERS, PUBLISHERS } from './publishers.js';

/** The whole capture in pieces of the given size. */
function replay(bytes: Buffer, size: number): TestPeer {
  const peer = new TestPeer();
  for (let at = 0; at < bytes.length; at += size) peer.send(bytes.subarray(at, at + size));
  return peer;
}

function liveStream(peer: TestPeer): { stream: LiveStream; tags: LiveTag[]; warnings: SluiceError[] } {
  const stream = new LiveStream({ app: 'live', name: 'show', startedAt: 0 });
  const [tags, warnings]: [LiveTag[], SluiceError[]] = [[], []];
  stream.on({ onTag: (tag) => tags.push(tag), onWarning: (warning) => warnings.push(warning) });
  for (const { kind, timestamp, body } of peer.eventsOf('media')) stream.publish(kind, timestamp, body);
  return { stream, tags, warnings };
}

/** The answers to a client, without the numbers that differ. */
const told = ({ commands, statuses }: TestPeer): unknown[] => [
  ...commands.map(({ name }: Answer) => name),
  ...statuses.map(({ code }) => code),
];

const NEWER_CODECS = PUBLISHERS.filter(({ codec }) => codec !== 'avc').map(({ name }) => name);

describe.each([...PUBLISHERS, ...LATE_PUBLISHERS].map((publisher) => [publisher.name, publisher] as const))(
  '%s',
  (name, { codec }) => {
    // HEVC, AV1 and VP9 are sent although neither side announced them in connect (A9.01).
    const ids = NEWER_CODECS.includes(name) ? 'A9.01 A9.03' : name.includes('s in') ? 'A2.14 A2.17 A7.14' : 'A4.09';

    it(`${ids} publishes from its recorded bytes, however they are cut`, async () => {
      const bytes = await readCapture(name);
      const whole = replay(bytes, bytes.length);
      expect(whole.eventsOf('connected')).toMatchObject([{ app: 'live' }]);
      const [request] = whole.eventsOf('publish-request');
      expect(request).toMatchObject({ app: 'live', name: 'show', publishType: 'live' });
      expect(request?.query.get('key')).toBe('recorded');
      expect(whole.eventsOf('unpublish')).toHaveLength(1);
      expect(whole.closedWith).toBeUndefined();
      expect(whole.eventsOf('connected')[0]?.enhanced).toEqual({});
      expect(told(whole)).toContain('NetStream.Publish.Start');

      const { stream, tags, warnings } = liveStream(whole);
      expect(warnings).toEqual([]);
      expect(stream.videoTrack).toMatchObject({ codec, description: { width: 128, height: 96 } });
      expect(stream.audioTrack).toMatchObject({ codec: 'aac', channels: 2 });
      expect(stream.metadataHints).toMatchObject({ width: 128, height: 96, frameRate: 10 });
      expect(stream.statistics).toMatchObject({ videoFrames: 20, droppedTags: 0, discontinuities: 0 });
      expect(stream.statistics).toMatchObject({ repairedTimestamps: 0, keyFrameMismatches: 0 });
      // Every frame has the same distance from the first as in the capture, even for large timestamps.
      const sent = whole
        .eventsOf('media')
        .filter(({ kind, body }) => kind === 'video' && parseVideoTag(body).packetType === 'frames');
      const served = tags.filter(({ kind, sequenceHeader }) => kind === 'video' && !sequenceHeader);
      expect(served.map(({ dts }) => dts - (served[0]?.dts ?? 0))).toEqual(
        sent.map(({ timestamp }) => timestamp - (sent[0]?.timestamp ?? 0)),
      );
      expect(served[0]?.dts).toBeLessThan(1_300);

      // Pieces as small as one byte, and of sizes that no chunk has.
      for (const size of [1, 7, 1_447]) {
        const cut = replay(bytes, size);
        expect(told(cut)).toEqual(told(whole));
        expect(cut.eventsOf('media')).toEqual(whole.eventsOf('media'));
      }
    });
  },
);

describe('players', () => {
  it.each(['rtmpdump playing', 'FFmpeg 7.0 playing'])('A4.20 %s requests the stream', async (name) => {
    const bytes = await readCapture(name);
    for (const size of [bytes.length, 1]) {
      const peer = replay(bytes, size);
      expect(peer.eventsOf('play-request')).toMatchObject([{ app: 'live', name: 'show' }]);
      expect(told(peer)).toContain('NetStream.Play.Start');
      expect(peer.closedWith).toBeUndefined();
    }
  });
});
