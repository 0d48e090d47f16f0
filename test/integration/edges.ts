// The edges of deploy/ as real programs in front of an origin on this machine, started from the files that operators get.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { eventually } from '../support/hls-client.js';
import { NGINX, VARNISH } from '../support/peers.js';
import { temporaryDirectory } from '../support/temp-dir.js';

export interface Edge {
  readonly port: number;
  /** HTTP/2 without TLS. nginx only. */
  readonly http2Port?: number;
  /** Port of nginx's status page, which shows how many requests are in progress. */
  readonly statusPort?: number;
  /** File with a line for each request. Only for nginx with tickets. */
  readonly log?: string;
  /** Processor time of all its processes since their start, in milliseconds. */
  processorTime(): number;
}

export function deployedFile(file: string): string {
  return readFileSync(new URL(`../../deploy/${file}`, import.meta.url), 'utf8');
}

export async function freePort(): Promise<number> {
  const server = createServer().listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** proc(5): time of one process and its children, in hundredths of a second, the unit that Linux shows to programs. */
function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const own = 10 * (Number(fields[11]) + Number(fields[12]));
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return children.reduce((sum, child) => sum + processorTime(Number(child)), own);
}

/** Starts a program in the foreground; resolves when its port accepts. */
export async function startEdge(command: string, args: readonly string[], port: number): Promise<Edge> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`${command} ended: ${output}`);
    return new Promise<true | undefined>((resolve) => {
      const request = get({ host: '127.0.0.1', port, path: '/healthz', agent: false }, (answer) => {
        answer.resume().on('end', () => resolve(true));
      });
      request.on('error', () => resolve(undefined));
    });
  });
  return { port, processorTime: () => processorTime(child.pid ?? 0) };
}

/** The secrets of an edge that checks tickets. */
export interface EdgeSecrets {
  readonly play: string;
  readonly edge: string;
}

async function runNginx(
  originPort: number,
  file: string,
  workers: number,
  modules: string,
  secrets?: EdgeSecrets,
): Promise<Edge> {
  const directory = await temporaryDirectory();
  const [port, http2Port, statusPort] = [await freePort(), await freePort(), await freePort()];
  const edge = deployedFile(file)
    .replaceAll('/var/cache/sluice', `${directory}/cache`)
    .replaceAll('/var/log/nginx', directory)
    .replaceAll('/etc/nginx/sluice-secrets', `${directory}/secrets`)
    .replace('REPLACE-THIS-BY-ONE-OF-edgeSecrets', secrets?.edge ?? '')
    .replace('port = 8080', `port = ${originPort}`)
    .replace('127.0.0.1:8080', `127.0.0.1:${originPort}`)
    .replace('listen 80;', `listen 127.0.0.1:${port} reuseport; listen 127.0.0.1:${http2Port} reuseport http2;`);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${directory}/${kind};`,
  );
  const lua =
    modules === '' ? '' : `lua_package_path "${fileURLToPath(new URL('../../deploy', import.meta.url))}/?.lua;;";`;
  await mkdir(`${directory}/cache`);
  if (secrets !== undefined) await writeFile(`${directory}/secrets`, `play ${secrets.play}\nedge ${secrets.edge}\n`);
  await writeFile(
    `${directory}/nginx.conf`,
    `${modules} ${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; worker_processes ${workers}; pid ${directory}/pid;
     error_log ${directory}/error.log; events { worker_connections 8192; } worker_rlimit_nofile 16384;
     http { access_log off; ${lua} ${temp.join(' ')} ${edge}
       server { listen 127.0.0.1:${statusPort}; location / { stub_status; } } }`,
  );
  const running = await startEdge(NGINX, ['-c', `${directory}/nginx.conf`, '-e', `${directory}/error.log`], port);
  return { ...running, http2Port, statusPort, log: `${directory}/sluice.log` };
}

export function startNginx(originPort: number): Promise<Edge> {
  return runNginx(originPort, 'nginx-edge.conf', 1, '');
}

const LUA = ['ndk_http_module', 'ngx_http_lua_module'].map((name) => `load_module modules/${name}.so;`).join(' ');

/** Two workers: a request that waits in one is woken by an answer that the other one got. */
export function startLuaNginx(originPort: number): Promise<Edge> {
  return runNginx(originPort, 'nginx-edge-lua.conf', 2, LUA);
}

export function startTicketNginx(originPort: number, secrets: EdgeSecrets): Promise<Edge> {
  return runNginx(originPort, 'nginx-edge-tickets.conf', 1, '', secrets);
}

export function startTicketLuaNginx(originPort: number, secrets: EdgeSecrets): Promise<Edge> {
  return runNginx(originPort, 'nginx-edge-tickets-lua.conf', 2, LUA, secrets);
}

async function runVarnish(
  vcl: (directory: string) => string,
  originPort: number,
  options: readonly string[],
): Promise<Edge> {
  const directory = await temporaryDirectory();
  const port = await freePort();
  await writeFile(`${directory}/sluice.vcl`, deployedFile('varnish.vcl').replace('"8080"', `"${originPort}"`));
  await writeFile(`${directory}/edge.vcl`, vcl(directory));
  const args = ['-F', '-n', `${directory}/work`, '-a', `127.0.0.1:${port}`, ...options, '-f', `${directory}/edge.vcl`];
  const storage = ['-s', 'malloc,128m', '-T', 'none', '-p', 'workspace_client=64k', '-j', 'none'];
  return startEdge(VARNISH, [...args, ...storage], port);
}

export function startVarnish(originPort: number): Promise<Edge> {
  return runVarnish((directory) => `vcl 4.1; include "${directory}/sluice.vcl";`, originPort, []);
}

export function startTicketVarnish(originPort: number, { play, edge }: EdgeSecrets): Promise<Edge> {
  const vcl = (directory: string): string =>
    deployedFile('varnish-tickets.vcl')
      .replaceAll('/etc/varnish', directory)
      .replace('REPLACE-THIS-BY-ONE-OF-playSecrets', play)
      .replace('REPLACE-THIS-BY-ONE-OF-edgeSecrets', edge);
  return runVarnish(vcl, originPort, ['-p', 'vcc_allow_inline_c=on']);
}
