// Timed events of a whole gateway: what a publisher or a program says reaches media, monitors and RTMP players with one number and one time.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeAmf0 } from '../../src/protocols/amf/amf0-decoder.js';
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { amfToJson } from '../../src/protocols/amf/json-value.js';
import { amfObject } from '../../src/protocols/amf/values.js';
import { walkBoxes } from '../../src/protocols/mp4/boxes.js';
import { publishLoop } from '../faults/looping-publisher.js';
import { CommandPeer } from '../servers/rtmp/server-under-test.js';
import { startGateway } from '../support/gateway.js';
import { eventually, fetchText, type RecordedRendition, recordRendition, whenListed } from '../support/hls-client.js';
import { whenOver } from '../support/lifetime.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';

const FLAGS = ['--segment-duration', '1', '--part-duration', '0.25', '--data-messages', 'onTextData,onCuePoint'];

let source: FlvSource;
beforeAll(async () => {
  source = await makeFlvSource({ seconds: 4, gop: 25 });
});

interface ReadEvent {
  readonly seq: number;
  readonly name: string;
  readonly mediaTime: number;
  readonly date: string;
  readonly values: unknown;
}

/** Reads server-sent events as a browser does. */
async function readEvents(url: string, headers: Record<string, string> = {}) {
  const controller = new AbortController();
  whenOver(() => controller.abort());
  const response = await fetch(url, { headers, signal: controller.signal });
  const events: ReadEvent[] = [];
  let text = '';
  const over = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes as Uint8Array, { stream: true });
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        const data = lines.find((line) => line.startsWith('data: '))?.slice(6);
        if (data !== undefined && !lines.includes('event: end')) events.push(JSON.parse(data) as ReadEvent);
      }
    }
  })().catch(() => undefined);
  return { response, events, over, close: () => controller.abort() };
}

interface Emsg {
  readonly id: number;
  /** Seconds. */
  readonly time: number;
  readonly value: ReadEvent;
}

/** The events in the media of a rendition. */
function eventsIn({ segments }: RecordedRendition): Emsg[] {
  return [...segments.values()].flatMap(({ bytes }) =>
    [...walkBoxes(bytes)].flatMap(({ type, body }) => {
      if (type !== 'emsg') return [];
      const text = body.toString('utf8').split('sluice\0').at(-1) ?? '';
      const time = Number(body.readBigUInt64BE(8)) / body.readUInt32BE(4);
      return [{ id: body.readUInt32BE(20), time, value: JSON.parse(text) as ReadEvent }];
    }),
  );
}

const textMessage = (text: string): Buffer => encodeAmf0(['onTextData', amfObject([['text', text]])]);

describe('timed events', () => {
  it('of a publisher are in every video rendition and among the events with the same number and time, and RTMP players get them', async () => {
    const { http, rtmp, publishUrl, errors } = await startGateway(...FLAGS, '--ladder', 'source,144p');
    const publisher = await publishLoop(publishUrl('cam'), source);
    const base = `${http}/hls/live/cam`;
    await whenListed(base, '144p', 1);
    const reader = await readEvents(`${http}/api/v1/streams/live/cam/events`);
    expect(reader.response.headers.get('content-type')).toContain('text/event-stream');
    const player = await CommandPeer.open(Number(new URL(rtmp).port));
    player.play('cam');
    await player.until(() => player.media.length > 3);
    const recorded = Promise.all(['source', '144p', 'audio'].map((name) => recordRendition(base, name)));
    for (let index = 0; index < 10; index += 1) {
      publisher.send('script', textMessage(`line ${index}`));
      publisher.send('script', encodeAmf0(['notConfigured', index]));
      const count = reader.events.length;
      await eventually(async () => (reader.events.length > count ? true : undefined));
    }
    const listed = await fetchText(`${base}/144p/index.m3u8`);
    await whenListed(base, '144p', (listed.match(/#EXTINF/g)?.length ?? 0) + 2);
    await publisher.stop();
    await reader.over;
    const [video, rung, audio] = (await recorded) as [RecordedRendition, RecordedRendition, RecordedRendition];
    const texts = player.messages.filter(({ type }) => type === 18).map(({ body }) => decodeAmf0(body));
    const played = texts.filter(([name]) => name === 'onTextData' || name === 'notConfigured');
    expect(played).toHaveLength(20);
    expect(played.filter(([name]) => name === 'onTextData').map(([, value]) => amfToJson(value))).toEqual(
      reader.events.map(({ values }) => values),
    );
    expect(reader.events.map(({ values }) => values)).toEqual(
      Array.from({ length: 10 }, (_, i) => ({ text: `line ${i}` })),
    );
    // In the media they stand in the order in which they are shown; where pictures are reordered, that is another one.
    const found = eventsIn(video).sort((a, b) => a.value.seq - b.value.seq);
    expect(found.map(({ value }) => value)).toEqual(reader.events);
    expect(found.map(({ id }) => id)).toEqual(reader.events.map(({ seq }) => seq % 2 ** 32));
    for (const { time, value } of found) expect(Math.abs(time - value.mediaTime)).toBeLessThan(0.000_02);
    expect(eventsIn(rung).sort((a, b) => a.value.seq - b.value.seq)).toEqual(found);
    expect(eventsIn(audio)).toEqual([]);
    // Each event has the time of a picture that is shown.
    const shown = await pictureTimes(video);
    for (const { time } of found) expect(Math.min(...shown.map((at) => Math.abs(at - time)))).toBeLessThan(0.021);
    expect(errors()).toEqual([]);
  });

  it('of programs come with the next part, are limited, and are read again by whoever comes back', async () => {
    const { gateway, http, publishUrl } = await startGateway(...FLAGS, '--ladder', 'source');
    expect(() => gateway.timedEvents.send('live', 'cam', { name: 'goal', values: 1 })).toThrow('no stream');
    const publisher = await publishLoop(publishUrl('cam'), source);
    const base = `${http}/hls/live/cam`;
    await whenListed(base, 'source', 1);
    const recorded = recordRendition(base, 'source');
    const sent = [1, 2, 3].map((values) => gateway.timedEvents.send('live', 'cam', { name: 'goal', values }));
    const ahead = gateway.timedEvents.send('live', 'cam', { name: 'later', values: null, at: Date.now() + 1_500 });
    expect(() => gateway.timedEvents.send('live', 'cam', { name: 'old', values: 1, at: Date.now() - 60_000 })).toThrow(
      expect.objectContaining({ code: 'data.event-time' }),
    );
    const big = { name: 'big', values: 'x'.repeat(5_000) };
    expect(() => gateway.timedEvents.send('live', 'cam', big)).toThrow(
      expect.objectContaining({ code: 'data.event-size' }),
    );
    const reader = await readEvents(`${http}/api/v1/streams/live/cam/events`, {
      'last-event-id': String(sent[0]?.seq),
    });
    await eventually(async () => (reader.events.length === 3 ? true : undefined));
    expect(reader.events.map(({ seq }) => seq)).toEqual([sent[1]?.seq, sent[2]?.seq, ahead.seq]);
    await whenListed(base, 'source', 5);
    await publisher.stop();
    const video = await recorded;
    const found = eventsIn(video);
    expect(found.map(({ value: { name } }) => name)).toEqual(['goal', 'goal', 'goal', 'later']);
    await reader.over;
    const gone = await fetch(`${http}/api/v1/streams/live/cam/events`);
    expect(gone.status).toBe(404);
  });
});

/** Presentation times of the pictures of a rendition, as FFmpeg reads them. */
async function pictureTimes({ segments, inits }: RecordedRendition): Promise<number[]> {
  const directory = await temporaryDirectory();
  const file = join(directory, 'all.mp4');
  await writeFile(file, Buffer.concat([...inits.values(), ...[...segments.values()].map(({ bytes }) => bytes)]));
  const { stdout, stderr } = await runProgram(npmFfmpeg(), [
    ...['-v', 'error', '-copyts', '-i', file, '-map', '0:v', '-c', 'copy', '-f', 'framecrc', '-'],
  ]);
  expect(stderr).toBe('');
  const [, numerator = '1', denominator = '1'] = /#tb 0: (\d+)\/(\d+)/.exec(stdout.toString()) ?? [];
  return stdout
    .toString()
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => (Number(line.split(',')[2]) * Number(numerator)) / Number(denominator));
}
