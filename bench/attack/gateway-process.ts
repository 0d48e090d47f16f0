// The gateway in its own process, observed from outside (memory, descriptors, children) and through its IPC from inside.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { within } from './peer.js';

export interface InsideFigures {
  /** Milliseconds; measured since the last call of `look` with `collect`. */
  readonly delay: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly timers: number;
}

/** Resources that would remain if something leaked. */
export interface Holdings {
  /** Descriptors: `rtmp` counts connections of RTMP peers, `other` all others except HTTP connections, whose number the players decide. */
  readonly rtmp: number;
  readonly other: number;
  readonly timers: number;
  readonly ffmpeg: number;
}

export interface GatewayAddresses {
  readonly host: string;
  readonly rtmpPort: number;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly rtmpsPort: number;
}

const READY_WITHIN = 30_000;

export class GatewayProcess {
  readonly pid: number;
  readonly addresses: GatewayAddresses;
  /** Log records at level error and above, by message. */
  readonly errors = new Map<string, number>();
  /** Log records of all levels, by code or message. */
  readonly records = new Map<string, number>();
  /** Bytes written by the gateway since it was ready. */
  logBytes = 0;
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #waiting = new Map<number, (figures: InsideFigures) => void>();
  #nextId = 1;
  #stderr = '';

  static async start(
    cli: string,
    observer: string,
    directory: string,
    flags: readonly string[],
  ): Promise<GatewayProcess> {
    const child = spawn(
      process.execPath,
      ['--expose-gc', '--import', observer, cli, 'serve', '--host', '127.0.0.1', ...flags],
      { cwd: directory, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
    );
    const records: Record<string, unknown>[] = [];
    let gateway: GatewayProcess | undefined;
    let stderr = '';
    child.stderr?.on('data', (text) => {
      stderr = (stderr + String(text)).slice(-8000);
      if (gateway !== undefined) gateway.#stderr = stderr;
    });
    const ready = new Promise<Record<string, unknown>>((resolve, reject) => {
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        if (gateway !== undefined) gateway.logBytes += line.length + 1;
        const record = JSON.parse(line) as Record<string, unknown>;
        if (gateway === undefined) records.push(record);
        else gateway.#note(record);
        if (record.msg === 'ready') resolve(record);
      });
      child.once('exit', (code) => reject(new Error(`the gateway ended (${code}) before it was ready: ${stderr}`)));
      setTimeout(() => reject(new Error(`the gateway is not ready: ${stderr}`)), READY_WITHIN).unref();
    });
    try {
      const { rtmp, http, rtmps, https } = await ready;
      gateway = new GatewayProcess(child, {
        host: '127.0.0.1',
        rtmpPort: Number(new URL(String(rtmp)).port),
        httpPort: Number(new URL(String(http)).port),
        httpsPort: Number(new URL(String(https)).port),
        rtmpsPort: Number(new URL(String(rtmps)).port),
      });
      for (const record of records) gateway.#note(record);
      return gateway;
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  private constructor(child: ChildProcess, addresses: GatewayAddresses) {
    this.#child = child;
    this.#exit = once(child, 'exit');
    this.pid = child.pid ?? -1;
    this.addresses = addresses;
    child.on('message', (message) => {
      const { id, ...figures } = message as InsideFigures & { id: number };
      this.#waiting.get(id)?.(figures);
      this.#waiting.delete(id);
    });
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** @param collect whether to run the garbage collector and reset the histogram of delays */
  async look(collect: boolean): Promise<InsideFigures> {
    const id = this.#nextId++;
    const answer = new Promise<InsideFigures>((resolve) => this.#waiting.set(id, resolve));
    this.#child.send({ id, collect });
    if (await within(Promise.race([answer, this.#exit]), 30_000)) {
      if (this.alive) return answer;
      throw new Error(`the gateway ended: ${this.#stderr}`);
    }
    throw new Error('the gateway has not answered for 30 s');
  }

  async holdings(): Promise<Holdings> {
    const { timers } = await this.look(false);
    const { rtmpPort, rtmpsPort, httpPort, httpsPort } = this.addresses;
    const rtmpSockets = new Set([...socketsOfPort(rtmpPort), ...socketsOfPort(rtmpsPort)]);
    const httpSockets = new Set([...socketsOfPort(httpPort), ...socketsOfPort(httpsPort)]);
    let rtmp = 0;
    let other = 0;
    for (const target of descriptors(this.pid)) {
      if (rtmpSockets.has(target)) rtmp++;
      else if (!httpSockets.has(target)) other++;
    }
    return { rtmp, other, timers, ffmpeg: ffmpegChildren(this.pid) };
  }

  residentBytes(): number {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1]) * 1024;
  }

  /**
   * CPU seconds of the process without its children, and seconds in which its main thread was ready to run but another program had the
   * core.
   */
  cpu(): { used: number; waited: number } {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [, waited] = readFileSync(`/proc/${this.pid}/schedstat`, 'utf8').split(' ');
    return { used: (Number(fields[11]) + Number(fields[12])) / 100, waited: Number(waited) / 1e9 };
  }

  async stop(): Promise<number | null> {
    if (!this.alive) return this.#child.exitCode;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    const [code] = (await exit) as [number | null];
    clearTimeout(timer);
    return code;
  }

  #note(record: Record<string, unknown>): void {
    const what = String(record.code ?? record.msg);
    this.records.set(what, (this.records.get(what) ?? 0) + 1);
    if (Number(record.level) < 50) return;
    this.errors.set(`${String(record.msg)} ${what}`, (this.errors.get(`${String(record.msg)} ${what}`) ?? 0) + 1);
    if (String(record.code).endsWith('.internal') || Number(record.level) >= 60) {
      this.#stderr = (this.#stderr + JSON.stringify(record)).slice(-8000);
    }
  }
}

/** `socket:[inode]` of each TCP socket with this local port. */
function socketsOfPort(port: number): Set<string> {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const found = new Set<string>();
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[1]?.endsWith(local)) found.add(`socket:[${fields[9]}]`);
  }
  return found;
}

function descriptors(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((entry) => {
    try {
      return [readlinkSync(`${directory}/${entry}`)];
    } catch (error) {
      // Closed since it was listed.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  });
}

function ffmpegChildren(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? 0 : children.split(' ').length;
}
