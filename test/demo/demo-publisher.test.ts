// The demo publishes over real RTMP, reconnects by itself, and leaves no process behind.
import { describe, expect, it, onTestFinished } from 'vitest';
import { DemoPublisher } from '../../src/demo/demo-publisher.js';
import { SluiceError } from '../../src/protocols/errors.js';
import { type ServerSetup, startServer } from '../servers/rtmp/server-under-test.js';
import { ffmpegChildren, npmFfmpeg } from '../support/processes.js';

const SECRET = 'a-key-that-must-never-be-seen';

async function startDemo(setup: ServerSetup = {}, ffmpegPath = npmFfmpeg()) {
  const server = await startServer(setup);
  const logs: { message: string; [field: string]: unknown }[] = [];
  const log = (fields: object, message: string): void => void logs.push({ message, ...fields });
  const publisher = new DemoPublisher({
    ffmpegPath,
    target: { host: '127.0.0.1', port: server.port, app: 'live', streamName: `demo?key=${SECRET}` },
    logger: { info: log, warn: log },
    retryDelay: 10,
  });
  publisher.start();
  onTestFinished(() => publisher.stop());
  return { ...server, publisher, demoLogs: logs };
}

describe('demo publisher', () => {
  it('publishes H.264 and AAC in real time over RTMP, key and metadata first, and leaves no process behind', async () => {
    const { target, publisher, demoLogs, logs } = await startDemo();
    const received = await target();
    await received.received(60);
    const byKind = (kind: string) => received.messages.filter((message) => message.kind === kind);
    expect(received.request).toMatchObject({ app: 'live', name: 'demo' });
    expect(byKind('script')[0]?.body.toString('latin1')).toContain('onMetaData');
    // AVC key frame with the sequence header; AAC, the AudioSpecificConfig of 48 kHz stereo LC.
    expect(byKind('video')[0]?.body.subarray(0, 5).toString('hex')).toBe('1700000000');
    expect(byKind('audio')[0]?.body.subarray(0, 4).toString('hex')).toBe('af001190');
    expect(byKind('video')[1]?.body.subarray(0, 2).toString('hex')).toBe('1701');
    expect(await ffmpegChildren()).toHaveLength(1);

    await publisher.stop();
    expect(await ffmpegChildren()).toEqual([]);
    expect(await received.ended).toBeUndefined();
    expect(demoLogs).toEqual([{ message: 'demo publisher is on air', app: 'live', stream: 'demo' }]);
    expect(JSON.stringify([logs, demoLogs])).not.toContain(SECRET);
  });

  it('reconnects if the gateway closes the connection, with one FFmpeg at a time', async () => {
    const { target, demoLogs } = await startDemo();
    const first = await target();
    await first.received(10);
    first.kick(new SluiceError('live.taken-over', 'unavailable', 'out with you'));
    const second = await target(1);
    await second.received(10);
    expect(await ffmpegChildren()).toHaveLength(1);
    expect(demoLogs[1]).toMatchObject({
      code: 'demo.rejected',
      reason: 'the gateway refused the stream: out with you (NetStream.Failed)',
    });
  });

  it('logs why it was refused, and keeps trying without starting an encoder', async () => {
    const error = new SluiceError('access.publish-denied', 'denied', 'wrong key');
    const { demoLogs } = await startDemo({ check: async () => ({ allowed: false, error }) });
    await expect.poll(() => demoLogs.length).toBeGreaterThan(1);
    expect(demoLogs[0]).toMatchObject({ code: 'demo.rejected', reason: expect.stringContaining('wrong key') });
    expect(await ffmpegChildren()).toEqual([]);
  });

  it('logs when its FFmpeg does not start, or dies', async () => {
    const missing = await startDemo({}, '/no/such/ffmpeg');
    await expect.poll(() => missing.demoLogs.find(({ code }) => code === 'demo.ffmpeg')?.reason).toContain('ENOENT');
    const dying = await startDemo({}, '/bin/false');
    await expect.poll(() => dying.demoLogs.find(({ code }) => code === 'demo.ffmpeg')?.reason).toContain('status 1');
  });

  it('keeps trying while the gateway is not running', async () => {
    const { server, demoLogs, publisher } = await startDemo();
    await server.close();
    await expect.poll(() => demoLogs.at(-1)?.reason).toContain('ECONNREFUSED');
    await publisher.stop();
  });
});
