// Internal errors while a request is answered, in a real gateway: one client gets an error, everybody else goes on.
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { expect, it, onTestFinished, vi } from 'vitest';
import { ManifestOrigin } from '../../src/dash/manifest-origin.js';
import { Origin } from '../../src/hls/origin/origin.js';
import { PipelineDirectory } from '../../src/pipeline/pipeline-directory.js';
import { Thumbnails } from '../../src/pipeline/thumbnails.js';
import { AnswerWriter } from '../../src/servers/http/delivery/answer-writer.js';
import { Delivery } from '../../src/servers/http/delivery/delivery.js';
import { SharedCalls } from '../../src/servers/http/delivery/shared-calls.js';
import { WaitingRoom } from '../../src/servers/http/delivery/waiting-room.js';
import { Connections } from '../../src/servers/http/metering/connections.js';
import { writeCertificate } from '../support/certificate.js';
import { startGateway } from '../support/gateway.js';
import { eventually, whenListed } from '../support/hls-client.js';
import { PlaylistFollower } from '../support/playlist-follower.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { publishLoop } from './looping-publisher.js';

const FAILURE = new TypeError('injected');

/** A body on disk whose reading fails after some of it has been sent. */
function failsInTheMiddle(fault: Fault) {
  let reads = 0;
  const read = (): Promise<void> => (++reads > 1 ? fail(fault) : Promise.resolve());
  return { status: 200, kind: 'segment', stored: { length: 1_000_000, read }, version: 'x' };
}

interface Seam {
  readonly seam: string;
  readonly path: string;
  readonly owner: object;
  readonly name: string;
  /** Whether the call belongs to the victim: viewers of the neighbour make the same calls meanwhile. */
  readonly isMine: (args: readonly unknown[]) => boolean;
  readonly isAsync: boolean;
}

const VICTIM = '/hls/live/victim';
/** Longer than the headers of any other request. */
const PADDING = 'x'.repeat(1_500);

const asksForVictim = (args: readonly unknown[]): boolean =>
  args.some((given) => {
    if (typeof given === 'string') return given === 'victim';
    const { url, request } = (given ?? {}) as { url?: string; request?: { url?: string } };
    return (url ?? request?.url ?? '').includes('/victim/');
  });

/** The seam is a method of this class. */
function method<T extends object>(
  seam: string,
  path: string,
  owner: T,
  name: keyof T & string,
  more: Partial<Seam> = {},
): Seam {
  return { seam, path, owner, name, isMine: asksForVictim, isAsync: false, ...more };
}

const WAITS = `${VICTIM}/source/index.m3u8?_HLS_msn=NEXT`;
const isAsync = true;
const isMine = (): boolean => true;
const SEAMS: readonly Seam[] = [
  method('a request is counted', `${VICTIM}/index.m3u8`, Connections.prototype, 'open'),
  method('media is served', `${VICTIM}/index.m3u8`, Delivery.prototype, 'serve'),
  method('a call is shared', WAITS, SharedCalls.prototype, 'join'),
  method('a request waits', `${WAITS}&${PADDING}`, WaitingRoom.prototype, 'enter', {
    isMine: ([, bytes]) => Number(bytes) > PADDING.length,
  }),
  method('an answer is written', `${VICTIM}/source/index.m3u8`, AnswerWriter.prototype, 'whole'),
  method('media playlist', WAITS, Origin.prototype, 'mediaPlaylist', { isAsync }),
  method('file', `${VICTIM}/source/part-1.0.m4s`, Origin.prototype, 'file', { isAsync }),
  method('manifest', '/dash/live/victim/manifest.mpd', ManifestOrigin.prototype, 'manifest', { isAsync }),
  method('thumbnail', `${VICTIM}/thumbnail.jpg`, Thumbnails.prototype, 'get', { isAsync }),
  method('list of streams', '/api/v1/streams', PipelineDirectory.prototype, 'list', { isMine }),
  method('figures', '/metrics', PipelineDirectory.prototype, 'list', { isMine }),
];

type Fault = 'throw' | 'rejection';

function fail(fault: Fault): Promise<never> {
  if (fault === 'throw') throw FAILURE;
  return Promise.reject(FAILURE);
}

/** Makes the next call for the victim fail, once. */
function inject({ owner, name, isMine: matches }: Seam, fault: Fault): { mockRestore(): void } {
  const calls = owner as Record<string, (...args: unknown[]) => unknown>;
  const original = calls[name] as (...args: unknown[]) => unknown;
  let done = false;
  return vi.spyOn(calls, name).mockImplementation(function (this: unknown, ...args) {
    if (done || !matches(args)) return original.apply(this, args);
    done = true;
    return fail(fault);
  });
}

/** @returns what the client saw: the status, or `cut off` */
type Client = (path: string) => Promise<string>;

const overHttp1 =
  (http: string): Client =>
  async (path) => {
    const response = await fetch(`${http}${path}`);
    return response.arrayBuffer().then(
      () => String(response.status),
      () => 'cut off',
    );
  };

const overHttp2 =
  (session: ClientHttp2Session): Client =>
  (path) =>
    new Promise((resolve) => {
      const stream = session.request({ ':path': path });
      let status = 'nothing';
      stream.on('response', (headers) => {
        status = String(headers[':status']);
      });
      stream.on('error', () => resolve('cut off'));
      stream.on('end', () => resolve(status));
      stream.resume();
    });

it('an internal error in any step of an answer affects only the client of the request, over HTTP/1.1 and HTTP/2', async () => {
  const { cert, key } = await writeCertificate(await temporaryDirectory());
  const gateway = await startGateway(
    ...['--ladder', 'source', '--segment-duration', '1', '--part-duration', '0.5'],
    ...['--https-port', '0', '--tls-cert', cert, '--tls-key', key],
  );
  const source = await makeFlvSource({ seconds: 4, gop: 25 });
  for (const name of ['victim', 'neighbour']) await publishLoop(gateway.publishUrl(name), source);
  const base = `${gateway.http}/hls/live/neighbour`;
  await Promise.all([whenListed(base, 'source', 1), whenListed(`${gateway.http}${VICTIM}`, 'source', 1)]);
  const follower = new PlaylistFollower(base, 'source');
  await eventually(async () => follower.last);
  const session = connect(gateway.https ?? '', { rejectUnauthorized: false });
  onTestFinished(() => session.destroy());
  await once(session, 'connect');

  const failures: string[] = [];
  const expectOf = async (what: string, ask: Client, path: string, wanted: string): Promise<void> => {
    const saw = await ask(path);
    if (saw !== wanted) failures.push(`${what}: ${saw}, expected ${wanted}`);
  };
  const suffer = async (what: string, ask: Client, path: string, arm: () => { mockRestore(): void }, sees = '500') => {
    const text = await (await fetch(`${gateway.http}${VICTIM}/source/index.m3u8`)).text();
    const next = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]) + (text.match(/#EXTINF/g)?.length ?? 0);
    const spy = arm();
    await expectOf(what, ask, path.replace('NEXT', String(next)), sees);
    spy.mockRestore();
    await expectOf(`${what}, afterwards`, ask, `${VICTIM}/source/index.m3u8`, '200');
  };
  const clients = { 'HTTP/1.1': overHttp1(gateway.http), 'HTTP/2': overHttp2(session) };
  for (const [version, ask] of Object.entries(clients)) {
    for (const seam of SEAMS) {
      for (const fault of seam.isAsync ? (['throw', 'rejection'] as const) : (['throw'] as const)) {
        await suffer(`${seam.seam}, ${fault}, ${version}`, ask, seam.path, () => inject(seam, fault));
      }
    }
    for (const fault of ['throw', 'rejection'] as const) {
      const arm = () => vi.spyOn(Origin.prototype, 'file').mockResolvedValueOnce(failsInTheMiddle(fault) as never);
      await suffer(`body on disk, ${fault}, ${version}`, ask, `${VICTIM}/source/part-1.0.m4s`, arm, 'cut off');
    }
  }
  expect(failures).toEqual([]);
  await follower.stop();
  expect(follower.refusals).toEqual([]);
  expect(gateway.logs.filter(({ level }) => level === 60)).toEqual([]);
  expect(gateway.errors().every(({ err }) => JSON.stringify(err).includes('injected'))).toBe(true);
});
