// Runs the gateway as a separate process, for tests that kill it, restart it or use up its file descriptors.
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildProgram } from './built-program.js';
import type { LogRecord } from './gateway.js';
import { eventually } from './hls-client.js';
import { npmFfmpeg, type RunningProgram, startProgram } from './processes.js';
import { temporaryDirectory } from './temp-dir.js';

export interface GatewayProcess extends RunningProgram {
  /** `rtmp://127.0.0.1:PORT/live` */
  readonly rtmp: string;
  /** `http://127.0.0.1:PORT` */
  readonly http: string;
  readonly logs: LogRecord[];
  readonly alive: boolean;
  /** Sends SIGKILL. Resolves when the process has ended. */
  kill(): Promise<void>;
}

export interface StartOptions {
  /** Limit of file descriptors. SIGUSR2 then makes the process use up all of them, and the next SIGUSR2 frees them. */
  readonly openFiles?: number;
}

export interface GatewayProgram {
  readonly mediaDir: string;
  /** Starts the process; from the second time on with the same ports and state. */
  start(options?: StartOptions): Promise<GatewayProcess>;
}

/** No publish key. */
export async function buildGateway(...flags: string[]): Promise<GatewayProgram> {
  const [built, directory] = await Promise.all([buildProgram(), temporaryDirectory()]);
  const dist = join(built, 'dist');
  const mediaDir = join(directory, 'media');
  let ports = { rtmp: '0', http: '0' };
  const start = async ({ openFiles }: StartOptions = {}): Promise<GatewayProcess> => {
    const limited = [fileURLToPath(new URL('limited-gateway.mjs', import.meta.url)), dist, `${openFiles}`];
    const program = startProgram(
      process.execPath,
      [
        ...(openFiles === undefined ? [join(dist, 'cli.js'), 'serve'] : limited),
        ...['--host', '127.0.0.1', '--media-dir', mediaDir, '--state-dir', join(directory, 'state')],
        ...['--record-dir', join(directory, 'recordings')],
        ...['--rtmp-port', ports.rtmp, '--http-port', ports.http, '--publish-key', 'none'],
        ...[
          '--metrics',
          'public',
          '--admin-port',
          'none',
          '--max-transcodes',
          '100',
          '--on-overload',
          'keep',
          '--ffmpeg-path',
          npmFfmpeg(),
          ...flags,
        ],
      ],
      { PATH: process.env.PATH ?? '' },
    );
    const { child } = program;
    const logs: LogRecord[] = [];
    if (child.stdout === null) throw new Error('no stdout');
    createInterface({ input: child.stdout }).on('line', (line) => logs.push(JSON.parse(line) as LogRecord));
    const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
    const { rtmp, http } = await eventually(async () => {
      if (hasEnded()) throw new Error(`the gateway ended: ${JSON.stringify(logs)}${program.stderr()}`);
      return logs.find((record): record is LogRecord & Record<'rtmp' | 'http', string> => 'rtmp' in record);
    });
    ports = { rtmp: new URL(rtmp).port, http: new URL(http).port };
    return {
      ...program,
      rtmp: rtmp.replace(/\/$/, ''),
      http: http.replace(/\/$/, ''),
      logs,
      get alive() {
        return !hasEnded();
      },
      async kill() {
        child.kill('SIGKILL');
        await program.exit;
      },
    };
  };
  return { mediaDir, start };
}
