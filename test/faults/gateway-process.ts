// Starts a gateway as a process of its own, where a test needs one that can run out of descriptors or be killed.
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildProgram } from '../support/built-program.js';
import type { LogRecord } from '../support/gateway.js';
import { eventually } from '../support/hls-client.js';
import { npmFfmpeg, startProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

export interface GatewayProcess {
  readonly pid: number;
  /** `http://127.0.0.1:PORT` */
  readonly http: string;
  /** `rtmp://127.0.0.1:PORT/live` */
  readonly rtmp: string;
  readonly directory: string;
  readonly logs: LogRecord[];
  readonly alive: boolean;
  stderr(): string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface GatewayProcessOptions {
  readonly flags?: readonly string[];
  /** Descriptors that it may have. */
  readonly openFiles?: number;
  /** For its state and its media; a further gateway in the same one follows the first. */
  readonly directory?: string;
}

export async function startGatewayProcess(options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
  const { flags = [], openFiles = 0, directory = await temporaryDirectory() } = options;
  const args = [
    fileURLToPath(new URL('fixtures/gateway.mjs', import.meta.url)),
    join(await buildProgram(), 'dist'),
    String(openFiles),
    ...['--host', '127.0.0.1', '--rtmp-port', '0', '--http-port', '0', '--publish-key', 'none'],
    ...['--media-dir', `${directory}/media`, '--state-dir', `${directory}/state`, '--ffmpeg-path', npmFfmpeg()],
    ...['--max-transcodes', '9', '--on-overload', 'keep', ...flags],
  ];
  const program = startProgram(process.execPath, args, { PATH: process.env.PATH ?? '' });
  const logs: LogRecord[] = [];
  const { child } = program;
  if (child.stdout === null) throw new Error('no stdout');
  createInterface({ input: child.stdout }).on('line', (line) => logs.push(JSON.parse(line) as LogRecord));
  const gone = () => child.exitCode !== null || child.signalCode !== null;
  const ready = await eventually(async () => {
    if (gone()) throw new Error(`the gateway ended: ${program.stderr()}`);
    return logs.find(({ msg }) => msg === 'ready') as (LogRecord & { rtmp: string; http: string }) | undefined;
  }, 60_000);
  return {
    pid: program.pid,
    http: ready.http.replace(/\/$/, ''),
    rtmp: ready.rtmp.replace(/\/$/, ''),
    directory,
    logs,
    get alive() {
      return !gone();
    },
    stderr: program.stderr,
    async kill() {
      child.kill('SIGKILL');
      await program.exit;
    },
  };
}
