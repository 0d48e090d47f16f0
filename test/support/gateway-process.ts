// The gateway as a program of its own, built from these sources, for tests that kill it and start it again on the same ports.
import { join } from 'node:path';
import { buildProgram } from './built-program.js';
import { eventually } from './hls-client.js';
import { npmFfmpeg, type RunningProgram, startProgram } from './processes.js';
import { temporaryDirectory } from './temp-dir.js';

export interface GatewayProcess extends RunningProgram {
  /** `rtmp://127.0.0.1:PORT/live` */
  readonly rtmp: string;
  /** `http://127.0.0.1:PORT` */
  readonly http: string;
  readonly log: () => string;
}

export interface GatewayProgram {
  readonly mediaDir: string;
  /** On the ports of the first start, once there was one. */
  start(): Promise<GatewayProcess>;
}

/** No publish key. */
export async function buildGateway(...flags: string[]): Promise<GatewayProgram> {
  const [built, directory] = await Promise.all([buildProgram(), temporaryDirectory()]);
  const cli = join(built, 'dist', 'cli.js');
  const mediaDir = join(directory, 'media');
  let ports = { rtmp: '0', http: '0' };
  const start = async (): Promise<GatewayProcess> => {
    const program = startProgram(
      process.execPath,
      [
        ...[cli, 'serve', '--host', '127.0.0.1', '--media-dir', mediaDir],
        ...['--rtmp-port', ports.rtmp, '--http-port', ports.http, '--publish-key', 'none'],
        ...['--max-transcodes', '100', '--on-overload', 'keep', '--ffmpeg-path', npmFfmpeg(), ...flags],
      ],
      { PATH: process.env.PATH ?? '', SLUICE_STATE_DIR: join(directory, 'state') },
    );
    let output = '';
    program.child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const urls = await eventually(async () => {
      if (program.child.exitCode !== null) throw new Error(`the gateway ended: ${output}${program.stderr()}`);
      const rtmp = /"rtmp":"([^"]+)"/.exec(output)?.[1];
      const http = /"http":"([^"]+)"/.exec(output)?.[1];
      return rtmp === undefined || http === undefined ? undefined : { rtmp, http: http.replace(/\/$/, '') };
    });
    ports = { rtmp: new URL(urls.rtmp).port, http: new URL(urls.http).port };
    return { ...program, ...urls, log: () => output };
  };
  return { mediaDir, start };
}
