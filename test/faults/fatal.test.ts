// An error that belongs to no stream and no connection, in the real program: it is logged, publishers get the reason, and playlists end.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { buildProgram } from '../support/built-program.js';
import type { LogRecord } from '../support/gateway.js';
import { eventually } from '../support/hls-client.js';
import { npmFfmpeg, startProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { publishLoop } from './looping-publisher.js';

/** Loaded before the program: on the signal, one thing fails in each of these places. */
const FAULTS = {
  throw: "process.on('SIGWINCH', () => { throw new TypeError('nobody catches this'); });",
  rejection: "process.on('SIGWINCH', () => { Promise.reject(new TypeError('nobody catches this')); });",
};

it.each(['throw', 'rejection'] as const)(
  'stops properly with status 1 after a %s that nobody catches',
  async (fault) => {
    const [built, directory] = await Promise.all([buildProgram(), temporaryDirectory()]);
    const mediaDir = join(directory, 'media');
    const program = startProgram(
      process.execPath,
      [
        ...[
          '--import',
          `data:text/javascript,${encodeURIComponent(FAULTS[fault])}`,
          join(built, 'dist/cli.js'),
          'serve',
        ],
        ...[
          '--host',
          '127.0.0.1',
          '--rtmp-port',
          '0',
          '--http-port',
          '0',
          '--publish-key',
          'none',
          '--ladder',
          'source',
        ],
        ...['--media-dir', mediaDir, '--state-dir', join(directory, 'state'), '--ffmpeg-path', npmFfmpeg()],
        ...['--segment-duration', '1'],
      ],
      { PATH: process.env.PATH ?? '' },
    );
    onTestFinished(() => {
      program.child.kill('SIGKILL');
    });
    const logs: LogRecord[] = [];
    if (program.child.stdout === null) throw new Error('no stdout');
    createInterface({ input: program.child.stdout }).on('line', (line) => logs.push(JSON.parse(line) as LogRecord));
    const ready = await eventually(async () => logs.find(({ msg }) => msg === 'ready'));
    const publisher = await publishLoop(`${ready.rtmp}/cam`, await makeFlvSource({ seconds: 4, gop: 25 }));
    const stored = join(mediaDir, 'live/cam/source/index.m3u8');
    await eventually(async () => readFile(stored, 'utf8').catch(() => undefined));

    program.child.kill('SIGWINCH');
    expect((await program.exit).code).toBe(1);
    const fatal = logs.filter(({ level }) => level === 60);
    expect(fatal).toMatchObject([
      {
        msg: 'internal error that belongs to no stream: the gateway stops',
        err: { message: 'nobody catches this', stack: expect.stringContaining('nobody catches this\n    at ') },
      },
    ]);
    expect(logs.at(-1)?.msg).toBe('stopped');
    await eventually(async () => (publisher.connected ? undefined : true));
    expect(await readFile(stored, 'utf8')).toContain('#EXT-X-ENDLIST');
  },
);
