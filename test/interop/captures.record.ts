// `npm run record`: records test/vectors/captures again.
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { startServer } from '../servers/rtmp/server-under-test.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { RTMPDUMP } from '../support/peers.js';
import { npmFfmpeg, startProgram } from '../support/processes.js';
import { CAPTURE_DIRECTORY, captureFile } from './captures.js';
import { LATE_PUBLISHERS, PUBLISHERS } from './publishers.js';
import { startRecordingProxy } from './recording-proxy.js';

describe('recording', () => {
  it.each([...PUBLISHERS, ...LATE_PUBLISHERS].map((publisher) => [publisher.name, publisher] as const))(
    '%s',
    async (name, publisher) => {
      const { port } = await startServer();
      const proxy = await startRecordingProxy(port);
      const url = `rtmp://127.0.0.1:${proxy.port}/live/show?key=recorded`;
      const { program, args } = await publisher.command(url, { size: '128x96', rate: 10, seconds: 2, bitrate: '60k' });
      expect(await startProgram(program, args).exit).toEqual({ code: 0, signal: null });
      await writeFile(new URL(captureFile(name), CAPTURE_DIRECTORY), await proxy.recorded);
    },
  );

  it.each([
    ['rtmpdump playing', RTMPDUMP, (url: string) => ['-q', '--live', '-r', url, '-o', '/dev/null']],
    ['FFmpeg 7.0 playing', npmFfmpeg(), (url: string) => ['-v', 'error', '-i', url, '-c', 'copy', '-f', 'null', '-']],
  ])('%s', async (name, program, argumentsFor) => {
    const gateway = await startGateway('--ladder', 'source');
    publishTestPattern(gateway.publishUrl('show'), { size: '128x96', duration: 4 });
    await expect.poll(() => gateway.logs.some(({ msg }) => msg === 'publish started')).toBe(true);
    const proxy = await startRecordingProxy(Number(new URL(gateway.rtmp).port));
    await startProgram(program, argumentsFor(`rtmp://127.0.0.1:${proxy.port}/live/show`)).exit;
    await writeFile(new URL(captureFile(name), CAPTURE_DIRECTORY), await proxy.recorded);
  });
});
