// A real live stream for the pages without the gateway: FFmpeg writes fragmented MP4 HLS, and a small origin reads the directory.

import { mkdir, readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { defineErrors } from '../../src/protocols/errors.js';
import { buildApp } from '../../src/servers/http/app.js';
import type {
  HlsOrigin,
  OriginAnswer,
  OriginAnswerKind,
  StreamState,
  ThumbnailSource,
} from '../../src/servers/http/dependencies.js';
import { whenOver } from '../support/lifetime.js';
import { npmFfmpeg, type RunningProgram, startProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const fixtureError = defineErrors({ 'fixture.not-live': { kind: 'unavailable', summary: 'nothing is published' } });

/** One stream, `live/test`, that can be published, ended and removed. */
export class LiveFixture implements HlsOrigin {
  readonly app: FastifyInstance;
  readonly #directory: string;
  readonly #extraStreams: readonly StreamState[];
  #run = 0;
  #encoder: RunningProgram | undefined;
  #startedAt = '';
  #served: string | undefined;

  constructor(directory: string, extraStreams: readonly StreamState[], thumbnails?: ThumbnailSource) {
    this.#directory = directory;
    this.#extraStreams = extraStreams;
    this.app = buildApp({
      origin: this,
      streams: { list: () => this.#states(), get: (_app, name) => this.#states().find((state) => state.name === name) },
      health: { ready: () => ({ ready: true, reasons: [] }) },
      rtmpPort: () => 1935,
      thumbnails,
    });
  }

  /**
   * Starts an encoder. As with a gateway, the numbers of a later publish continue above those of the previous one.
   * @param kept seconds that were published before and stay in the playlists
   * @param rate frames per second; a lower rate makes a long `kept` faster to encode
   */
  async publish({ kept = 0, rate = 25 }: { readonly kept?: number; readonly rate?: number } = {}): Promise<void> {
    this.#run += 1;
    const directory = join(this.#directory, String(this.#run));
    await mkdir(directory);
    this.#served = directory;
    this.#startedAt = new Date().toISOString();
    this.#encoder = startProgram(npmFfmpeg(), encoderArguments(directory, this.#run * 1000, kept, rate));
  }

  /** The publisher finishes: the playlists get their EXT-X-ENDLIST. */
  async end(): Promise<void> {
    this.#encoder?.child.stdin?.end('q');
    await this.#encoder?.exit;
    this.#encoder = undefined;
  }

  /** The stream disappears at once, as after a crash: its URLs give 404. */
  async vanish(): Promise<void> {
    this.#served = undefined;
    this.#encoder?.child.kill('SIGKILL');
    await this.#encoder?.exit;
    this.#encoder = undefined;
  }

  multivariant(): Promise<OriginAnswer> {
    return this.#read('multivariant', 'index.m3u8');
  }

  mediaPlaylist(_app: string, _name: string, rendition: string): Promise<OriginAnswer> {
    return this.#read('media-playlist', rendition, 'index.m3u8');
  }

  file(_app: string, _name: string, rendition: string, file: string): Promise<OriginAnswer> {
    return this.#read(file.startsWith('init') ? 'init' : 'segment', rendition, file);
  }

  async #read(kind: OriginAnswerKind, ...path: string[]): Promise<OriginAnswer> {
    try {
      if (this.#served === undefined) throw fixtureError('fixture.not-live', 'nothing is published');
      return { status: 200, kind, body: await readFile(join(this.#served, ...path)), targetDuration: 1 };
    } catch {
      return { status: 404, error: fixtureError('fixture.not-live', 'nothing is published') };
    }
  }

  #states(): StreamState[] {
    if (this.#encoder === undefined) return [...this.#extraStreams];
    const test: StreamState = {
      app: 'live',
      name: 'test',
      state: 'live',
      startedAt: this.#startedAt,
      source: {
        video: { codec: 'avc1.42c01e', width: 640, height: 360, frameRate: 25 },
        audio: { codec: 'mp4a.40.2', sampleRate: 48000, channels: 1 },
      },
      renditions: [
        { name: 'source', width: 640, height: 360, frameRate: 25 },
        { name: '180p', width: 320, height: 180, frameRate: 25 },
      ],
      ingest: { bitrate: 700_000 },
    };
    return [test, ...this.#extraStreams];
  }
}

/** Listens on loopback. Closed, with its encoder, at the end of the test. */
export async function startLiveFixture(
  extraStreams: readonly StreamState[] = [],
): Promise<{ fixture: LiveFixture; url: string }> {
  const fixture = new LiveFixture(await temporaryDirectory(), extraStreams);
  await fixture.app.listen({ host: '127.0.0.1', port: 0 });
  whenOver(() => fixture.app.close());
  return { fixture, url: `http://127.0.0.1:${(fixture.app.server.address() as AddressInfo).port}` };
}

/** Two sizes of one test card and one tone, cut every second, in the layout of a gateway. */
function encoderArguments(directory: string, firstNumber: number, kept: number, rate: number): string[] {
  const pace = ['-readrate', '1', ...(kept > 0 ? ['-readrate_initial_burst', `${kept}`] : [])];
  return [
    ...['-loglevel', 'error'],
    ...[...pace, '-f', 'lavfi', '-i', `testsrc2=size=640x360:rate=${rate}`],
    ...[...pace, '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
    ...['-filter_complex', '[0:v]split=2[full][copy];[copy]scale=320:180[small]'],
    ...['-map', '[full]', '-map', '[small]', '-map', '1:a'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', `${rate}`, '-pix_fmt', 'yuv420p'],
    ...['-b:v:0', '600k', '-b:v:1', '200k', '-c:a', 'aac'],
    ...['-f', 'hls', '-hls_segment_type', 'fmp4', '-hls_time', '1', '-hls_list_size', kept > 0 ? '0' : '6'],
    ...['-start_number', String(firstNumber), '-hls_flags', 'program_date_time+independent_segments+temp_file'],
    ...['-master_pl_name', 'index.m3u8', '-var_stream_map'],
    'v:0,name:source,agroup:audio v:1,name:180p,agroup:audio a:0,name:audio,agroup:audio,default:yes',
    ...['-hls_segment_filename', join(directory, '%v', 'seg-%d.m4s'), join(directory, '%v', 'index.m3u8')],
  ];
}
