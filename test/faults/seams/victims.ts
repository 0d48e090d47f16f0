// Leads streams to their seams, one after the other or in parallel, in a gateway whose other stream is watched.
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { onTestFinished, vi } from 'vitest';
import { Presentation } from '../../../src/hls/presentation.js';
import { DiskStore } from '../../../src/hls/store/disk-store.js';
import { ServerSession } from '../../../src/protocols/rtmp/server-session.js';
import type { LogRecord, TestGateway } from '../../support/gateway.js';
import { eventually } from '../../support/hls-client.js';
import { ffmpegChildren, npmFfmpeg, startProgram } from '../../support/processes.js';
import type { FlvSource } from '../../transcode/flv-source.js';
import { type LoopingPublisher, publishLoop } from '../looping-publisher.js';
import { connectionNumber, type Fault, type Injections } from './injections.js';
import type { SeamRow } from './seam-table.js';

const WINDOW = 'timer in pipeline/resume-window.ts';
const FORGOTTEN = 'timer in hls/origin/named-streams.ts';

export interface VictimSources {
  readonly source: FlvSource;
  /** A source of another size. */
  readonly other: FlvSource;
}

/** A broken part for each stream name. */
export class BrokenParts {
  /** Streams for which FFmpeg's output cannot be read. */
  readonly useless = new Set<string>();
  readonly withoutEnd = new Set<string>();
  readonly withoutDisk = new Set<string>();

  constructor() {
    const { useless, withoutEnd, withoutDisk } = this;
    const { write, end } = Presentation.prototype;
    const store = DiskStore.prototype.write;
    const spies = [
      vi.spyOn(Presentation.prototype, 'write').mockImplementation(function (this: Presentation, ...given) {
        if (useless.has(this.name)) throw new TypeError('cannot be read');
        write.apply(this, given);
      }),
      vi.spyOn(Presentation.prototype, 'end').mockImplementation(function (this: Presentation) {
        if (withoutEnd.has(this.name)) throw new TypeError('cannot end');
        return end.call(this);
      }),
      vi.spyOn(DiskStore.prototype, 'write').mockImplementation(async function (this: DiskStore, ...given) {
        if (withoutDisk.has(given[0].split('/')[1] ?? '')) throw Object.assign(new Error('EIO'), { code: 'EIO' });
        return store.apply(this, given);
      }),
    ];
    onTestFinished(() => {
      for (const spy of spies) spy.mockRestore();
    });
  }

  repair(name: string): void {
    for (const names of [this.useless, this.withoutEnd, this.withoutDisk]) names.delete(name);
  }
}

export interface Outcome {
  /** The log line that reported it. */
  readonly told: LogRecord;
  /** What a viewer of the stream saw. */
  readonly saw: string;
}

export class Victim {
  readonly name: string;
  readonly #gateway: TestGateway;
  readonly #injections: Injections;
  readonly #parts: BrokenParts;
  readonly #sources: VictimSources;
  #publisher: LoopingPublisher | undefined;

  constructor(name: string, gateway: TestGateway, injections: Injections, parts: BrokenParts, sources: VictimSources) {
    this.name = name;
    this.#parts = parts;
    this.#gateway = gateway;
    this.#injections = injections;
    this.#sources = sources;
  }

  /** Plays the stream, if the seam needs a player. */
  async prepare({ trigger, of }: SeamRow): Promise<void> {
    this.#injections.hurried.set(
      `live/${this.name}`,
      new Map([
        ...(trigger === 'slate shows' || trigger === 'slate dies' ? [] : ([[WINDOW, 0]] as const)),
        // After the end of the stream, which waits for the disk.
        ...(trigger === 'is forgotten' ? ([[FORGOTTEN, 6_000]] as const) : []),
      ]),
    );
    const early = ['publishes', 'publishes without sound', 'peer hangs up', 'peer resets'].includes(trigger);
    const { source } = this.#sources;
    if (!early) await this.#play(trigger === 'sends what is left out' ? silent(source) : source);
    if (of === 'player') {
      this.#watchByRtmp();
      await this.#logged(({ msg, stream }) => msg === 'play started' && stream === this.name);
    }
    if (trigger === 'slate dies') {
      await this.#publisher?.stop();
      await this.#logged(({ msg, stream }) => msg === 'slate shown' && stream === this.name);
    }
  }

  /** Makes the stream reach the seam, and waits for all consequences. */
  async suffer(row: SeamRow, fault: Fault): Promise<Outcome> {
    const { after } = row;
    let reached: Error | undefined;
    void this.#arm(row, fault).then((error) => {
      reached = error;
    });
    await this.#pull(row);
    const error = await eventually(async () => reached);
    const where = row.told ?? after ?? row.seam;
    // The fault names no file, but its stack does.
    const told = await this.#told(
      where.startsWith('timer in ') ? 'timer' : where,
      where === row.seam ? error.message : undefined,
    );
    return { told, saw: await this.#seen(row) };
  }

  /** The name is free at once, and is watched. */
  async publishAgain(): Promise<void> {
    this.#parts.repair(this.name);
    this.#injections.hurried.set(`live/${this.name}`, new Map([[WINDOW, 0]]));
    await this.#publisher?.stop();
    await this.#play();
    await this.#publisher?.stop();
  }

  #arm(row: SeamRow, fault: Fault): Promise<Error> {
    const { seam, after, of = 'stream', delay } = row;
    const domain = this.#domainOf(of);
    if (after !== undefined) void this.#injections.arm({ seam: after, domain, fault: 'throw' });
    return this.#injections.arm({ seam, domain, fault, delay });
  }

  #domainOf(of: SeamRow['of'] & string): (name: string) => boolean {
    if (of === 'stream') return (name) => name === `live/${this.name}`;
    const { newestConnection } = this.#injections;
    if (of === 'next connection') return (name) => connectionNumber(name) > newestConnection;
    const started = of === 'publisher' ? 'publish started' : 'play started';
    const line = this.#gateway.logs.findLast(({ msg, stream }) => msg === started && stream === this.name);
    return (name) => name === `rtmp connection ${line?.connection}`;
  }

  async #publish(source = this.#sources.source): Promise<void> {
    this.#publisher = await publishLoop(this.#gateway.publishUrl(this.name), source, { burst: 1.5 });
  }

  async #play(source = this.#sources.source): Promise<void> {
    await this.#publish(source);
    await eventually(async () => {
      const text = await this.#playlist();
      return text.includes('#EXTINF') && !text.includes('ENDLIST') ? true : undefined;
    });
  }

  async #playlist(query = ''): Promise<string> {
    const response = await fetch(`${this.#gateway.http}/hls/live/${this.name}/source/index.m3u8${query}`);
    return response.ok ? response.text() : `${response.status} ${await response.text()}`;
  }

  async #pull({ trigger, seam, of }: SeamRow): Promise<void> {
    const { source, other } = this.#sources;
    const publisher = this.#publisher;
    switch (trigger) {
      case 'publishes':
        if (seam === 'rtmp publication end') {
          vi.spyOn(ServerSession.prototype, 'accept').mockImplementationOnce(() => {
            throw new TypeError('accept failed');
          });
        }
        if (of === undefined) await this.#publish();
        else await this.#publish().catch(() => undefined);
        return;
      case 'publishes without sound':
        await this.#publish(silent(source));
        return;
      case 'plays':
        return;
      case 'player asks':
        {
          const text = await this.#playlist();
          const listed = text.match(/#EXTINF/g)?.length ?? 0;
          await this.#playlist(`?_HLS_msn=${Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]) + listed + 1}`);
        }
        return;
      case 'rtmp player comes':
        this.#watchByRtmp();
        return;
      case 'playlists cannot end':
        this.#parts.withoutEnd.add(this.name);
        await publisher?.stop();
        return;
      case 'publisher leaves':
      case 'slate shows':
      case 'is forgotten':
        await publisher?.stop();
        return;
      case 'slate dies':
        await killSlates();
        return;
      case 'publisher changes':
        publisher?.send('video', other.videoHeader);
        publisher?.sendMedia(other);
        return;
      case 'sound stops':
        publisher?.sendMedia(source, 2, ({ type }) => type === 'video');
        return;
      case 'sends what is left out':
        publisher?.send('audio', Buffer.from('\x91zzzz123', 'latin1'));
        return;
      case 'sends a broken picture':
        publisher?.sendMedia(
          source,
          1,
          ({ type }) => type === 'video',
          (body) => {
            const broken = Buffer.from(body);
            return broken.fill(0x5a, Math.min(20, broken.length - 1));
          },
        );
        return;
      case 'sends a huge picture':
        publisher?.sendMedia(source, 1, (tag) => tag === source.media.find(({ type }) => type === 'video'), withFiller);
        return;
      case 'floods':
        for (let count = 0; count < 2_000; count++) publisher?.send('script', Buffer.from([2, 0, 1, 120, 5]));
        return;
      case 'ffmpeg is killed': {
        const started = this.#gateway.logs.findLast(
          ({ msg, stream }) => msg === 'FFmpeg started' && stream === this.name,
        );
        process.kill(Number(started?.ffmpegPid), 'SIGKILL');
        return;
      }
      case 'ffmpeg output is useless':
        this.#parts.useless.add(this.name);
        return;
      case 'disk fails':
        this.#parts.withoutDisk.add(this.name);
        return;
      case 'is kicked':
        this.#gateway.gateway.kick('live', this.name);
        return;
      case 'peer hangs up':
      case 'peer resets': {
        const newest = this.#injections.newestConnection;
        const socket = connect(Number(new URL(this.#gateway.rtmp.replace('rtmp', 'http')).port), '127.0.0.1');
        socket.on('error', () => undefined).resume();
        await eventually(async () => (socket.readyState === 'open' ? true : undefined));
        // The server must have seen it before it leaves.
        await this.#logged(({ msg, connection }) => msg === 'rtmp connection opened' && Number(connection) > newest);
        if (trigger === 'peer resets') socket.resetAndDestroy();
        else socket.end();
        return;
      }
    }
  }

  #watchByRtmp(): void {
    const url = `${this.#gateway.rtmp}/${this.name}`;
    const player = startProgram(npmFfmpeg(), [
      '-loglevel',
      'quiet',
      '-nostdin',
      '-i',
      url,
      '-c',
      'copy',
      '-f',
      'null',
      '-',
    ]);
    onTestFinished(() => {
      player.child.kill('SIGKILL');
    });
  }

  #logged(matches: (record: LogRecord) => boolean): Promise<LogRecord> {
    return eventually(async () => this.#gateway.logs.findLast(matches));
  }

  #told(where: string, message: string | undefined): Promise<LogRecord> {
    return this.#logged(
      (record) =>
        record.where === where &&
        record.level === 50 &&
        (record.stream === undefined || record.stream === this.name) &&
        (message === undefined || JSON.stringify(record.err).includes(message)),
    );
  }

  /** A stream that broke, or whose publisher broke, has ended for its viewers, by ENDLIST or by a typed error. */
  async #seen({ of }: SeamRow): Promise<string> {
    const publisher = this.#publisher;
    if (of === 'publisher') {
      await eventually(async () => (publisher?.connected === false ? true : undefined));
    } else if (of !== undefined && publisher?.connected !== false) {
      return publisher === undefined ? 'there was none' : 'goes on';
    }
    return eventually(async () => {
      const text = await this.#playlist();
      if (text.startsWith('404')) return '404 hls.no-such-stream';
      return text.includes('#EXT-X-ENDLIST') ? 'ENDLIST' : undefined;
    });
  }
}

function silent(source: FlvSource): FlvSource {
  return { ...source, audioHeader: Buffer.alloc(0), media: source.media.filter(({ type }) => type === 'video') };
}

/** Kills the slates of all victims; other streams need none. */
async function killSlates(): Promise<void> {
  for (const pid of await ffmpegChildren()) {
    // A process may have ended since the list was made.
    const line = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    if (line.includes('away.png')) process.kill(pid, 'SIGKILL');
  }
}

/** Adds a NAL unit of filler data after the picture, which decoders ignore. */
function withFiller(body: Buffer): Buffer {
  const length = 4 * 1024 * 1024;
  const filler = Buffer.alloc(4 + length, 0xff);
  filler.writeUInt32BE(length, 0);
  filler[4] = 12;
  return Buffer.concat([body, filler]);
}
