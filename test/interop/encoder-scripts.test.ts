// Encoders that cannot be run here are simulated: each must deliver every frame, get the answers for which it waits, and end exactly once.
import { describe, expect, it } from 'vitest';
import { LiveStream } from '../../src/live/stream.js';
import type { LiveTag } from '../../src/live/tag.js';
import type { SluiceError } from '../../src/protocols/errors.js';
import { parseVideoTag } from '../../src/protocols/flv/video-tag.js';
import { TestPeer } from '../protocols/rtmp/test-peer.js';
import { readCapture } from './captures.js';
import { ENCODER_SCRIPTS, type Media, ScriptedEncoder } from './encoder-scripts.js';
import type { Codec } from './publishers.js';

/** Media of a real encoder, from the capture of a publish. */
async function recordedMedia(codec: Codec): Promise<Media> {
  const peer = new TestPeer().send(await readCapture(`FFmpeg 7.0, ${codec}`));
  const media = peer.eventsOf('media').flatMap(({ kind, timestamp, body }) => {
    return kind === 'script' ? [] : [{ kind, timestamp, body }];
  });
  const packet = (body: Buffer): string => parseVideoTag(body).packetType;
  const videoHeader = media.find(({ kind, body }) => kind === 'video' && packet(body) === 'sequence-header');
  const audioHeader = media.find(({ kind, body }) => kind === 'audio' && body[1] === 0);
  if (videoHeader === undefined || audioHeader === undefined) throw new Error('a capture without headers');
  return {
    videoHeader: videoHeader.body,
    audioHeader: audioHeader.body,
    frames: media.filter(({ kind, body }) => (kind === 'video' ? packet(body) === 'frames' : body[1] === 1)),
  };
}

const count = (items: readonly { kind: string }[], wanted: 'audio' | 'video'): number =>
  items.filter(({ kind }) => kind === wanted).length;

describe('encoders as publicly known', () => {
  it.each(ENCODER_SCRIPTS.map((script) => [script.ids, script.name, script] as const))(
    '%s %s',
    async (_ids, _name, { codec = 'avc', warnings: expected = [], run }) => {
      const media = await recordedMedia(codec);
      const encoder = new ScriptedEncoder();
      run(encoder, media);
      const { peer } = encoder;
      const [request, ...others] = peer.eventsOf('publish-request');
      expect([request?.app, request?.name, request?.query.get('key')]).toEqual(['live', 'show', 'recorded']);
      expect(others).toEqual([]);
      expect(peer.eventsOf('unpublish')).toHaveLength(1);
      expect(peer.closedWith).toBeUndefined();
      expect(peer.statuses.filter(({ level }) => level === 'error')).toEqual([]);

      const stream = new LiveStream({ app: 'live', name: 'show', startedAt: 0 });
      const [tags, warnings]: [LiveTag[], SluiceError[]] = [[], []];
      stream.on({ onTag: (tag) => tags.push(tag), onWarning: (warning) => warnings.push(warning) });
      for (const { kind, timestamp, body } of peer.eventsOf('media')) stream.publish(kind, timestamp, body);
      expect(warnings.map(({ code }) => code)).toEqual(expected);
      expect(stream.videoTrack).toMatchObject({ codec, description: { width: 128, height: 96 } });
      expect(stream.audioTrack).toMatchObject({ codec: 'aac', channels: 2 });
      expect(stream.statistics).toMatchObject({
        videoFrames: count(media.frames, 'video'),
        audioFrames: count(media.frames, 'audio'),
        droppedTags: 0,
        discontinuities: 0,
        repairedTimestamps: 0,
        parameterChanges: 0,
      });
      const served = tags.filter(({ kind, sequenceHeader }) => kind !== 'script' && !sequenceHeader);
      const sent = [...media.frames];
      // The first picture waits for the next message, which shows whether it was complete; audio may overtake it.
      for (const kind of ['video', 'audio'] as const) {
        const times = served.filter((tag) => tag.kind === kind).map(({ dts }) => dts - (served[0]?.dts ?? 0));
        const expectedTimes = sent.filter((frame) => frame.kind === kind).map(({ timestamp }) => timestamp);
        expect(times).toEqual(expectedTimes.map((time) => time - (sent[0]?.timestamp ?? 0)));
      }
    },
  );
});
