// Delivery speed of the gateway: compared with nginx serving the same bytes from files, and with thousands of viewers that wait for one
// part. Server and load generator have one core each (taskset), so that they do not take each other's time. Needs nginx and wrk (Debian:
// nginx, wrk).
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { cpuSeconds, describeMachine, start, summary, temporaryDirectory } from './measuring.mjs';

const [SERVER_CORE, CLIENT_CORE] = availableParallelism() > 1 ? ['0', '1'] : ['0', '0'];
const RUNS = Number(process.env.BENCH_RUNS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const VIEWERS = Number(process.env.BENCH_VIEWERS ?? 2000);
const PARTS = Number(process.env.BENCH_PARTS ?? 30);
const PART_INTERVAL = 500;
const PART_BYTES = 190_000;
const GOALS = { playlists: 0.5, parts: 0.65 };
const KINDS = [
  { kind: 'playlists', ours: '/hls/live/a/v/index.m3u8', theirs: '/index.m3u8' },
  { kind: 'parts', ours: '/hls/live/a/v/part-1.m4s', theirs: '/part.m4s' },
];
const here = fileURLToPath(import.meta.url);

/** A playlist as with the default options, about 1.5 kB; `stamp` says when it was made, for viewers in another process. */
function playlist(sequence, stamp = '') {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:9', '#EXT-X-TARGETDURATION:2', '#EXT-X-PART-INF:PART-TARGET=0.56'];
  lines.push('#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.68', `#EXT-X-MEDIA-SEQUENCE:${sequence}`);
  for (let index = 0; index < 10; index += 1) {
    lines.push('#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z', '#EXTINF:2.00000,', `seg-${sequence + index}.m4s`);
    if (index < 7) continue;
    for (let part = 0; part < 4; part += 1) {
      lines.push(`#EXT-X-PART:DURATION=0.50000,URI="part-${sequence + index}.${part}.m4s"`);
    }
  }
  lines.push(`#READY:${stamp}`, '');
  return Buffer.from(lines.join('\n'));
}

/** The gateway's HTTP side with all media in memory, on the port that a gateway opens. */
async function serveOrigin() {
  const { buildHttpApp } = await import('../dist/servers/http/app.js');
  const { WebPort } = await import('../dist/servers/http/web-port.js');
  const part = Buffer.alloc(PART_BYTES, 0x55);
  const waiting = new Set();
  let sequence = 0;
  let body = playlist(0);
  const found = (kind, bytes, blocking) => ({ status: 200, kind, body: bytes, blocking, targetDuration: 2 });
  const { app, connections, log } = buildHttpApp({
    origin: {
      multivariant: async () => found('multivariant', body, false),
      async mediaPlaylist(_app, _name, _rendition, { msn }) {
        if (msn === undefined) return found('media-playlist', body, false);
        if (Number(msn) > sequence) await new Promise((resolve) => waiting.add(resolve));
        return found('media-playlist', body, true);
      },
      file: async () => found('part', part, false),
      inMemory(_app, _name, _rendition, file) {
        return file === '' ? found('media-playlist', body, false) : found('part', part, false);
      },
    },
    streams: { list: () => [], get: () => undefined },
    health: { ready: () => ({ ready: true, reasons: [] }) },
    maxWaitersPerIp: 1_000_000,
  });
  await app.ready();
  const { port } = await new WebPort({ host: '127.0.0.1', port: 0, connections, log }).listen();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let cpu;
  const commands = {
    port: () => port,
    memory() {
      globalThis.gc?.();
      const { rss, heapUsed, external } = process.memoryUsage();
      return { rss, heapUsed, external };
    },
    begin() {
      cpu = process.cpuUsage();
      delay.enable();
      delay.reset();
    },
    advance() {
      sequence += 1;
      body = playlist(sequence, process.hrtime.bigint());
      const wake = [...waiting];
      waiting.clear();
      for (const resolve of wake) resolve();
    },
    end() {
      const { user, system } = process.cpuUsage(cpu);
      const milliseconds = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - 1);
      return {
        cpu: (user + system) / 1e6,
        p50: milliseconds(delay.percentile(50)),
        p99: milliseconds(delay.percentile(99)),
        max: milliseconds(delay.max),
      };
    },
  };
  process.on('message', (command) => process.send({ command, value: commands[command]() }));
  process.send({ command: 'up' });
}

/**
 * The minimum that Node's own HTTP server does for the same bytes: no router, no caching rules, no limits, no counters. @param headers
 * headers of the gateway's answers, by kind
 */
async function serveBare(headers) {
  const bodies = { playlists: playlist(0), parts: Buffer.alloc(PART_BYTES, 0x55) };
  const answers = new Map(KINDS.map(({ kind, ours }) => [ours, { headers: headers[kind], body: bodies[kind] }]));
  const server = createServer((request, response) => {
    const { headers, body } = answers.get(request.url);
    response.writeHead(200, headers);
    response.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.on('message', (command) => process.send({ command, value: server.address().port }));
  process.send({ command: 'up' });
}

/** Viewers on raw sockets: each requests the next version, reads it to its last byte, and repeats. */
async function runViewers(port) {
  const delays = [];
  let connected = 0;
  const head = 'Host: 127.0.0.1\r\nUser-Agent: bench\r\nAccept-Encoding: identity\r\n\r\n';
  for (let id = 0; id < VIEWERS; id += 1) {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1');
    let sequence = 1;
    let text = '';
    const ask = () =>
      socket.write(`GET /hls/live/a/v/index.m3u8?_HLS_msn=${sequence}&session=${id} HTTP/1.1\r\n${head}`);
    socket.on('data', (chunk) => {
      text += chunk;
      const split = text.indexOf('\r\n\r\n');
      if (split < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
      if (text.length < split + 4 + length) return;
      const ready = /#READY:(\d+)/.exec(text)?.[1];
      delays.push(Number(process.hrtime.bigint() - BigInt(ready)) / 1e6);
      text = '';
      sequence += 1;
      ask();
    });
    await once(socket, 'connect');
    ask();
    connected += 1;
  }
  process.on('message', (command) => {
    if (command === 'count') process.send({ command, value: delays.length });
    if (command === 'report') {
      delays.sort((a, b) => a - b);
      const pick = (q) => delays[Math.floor(q * (delays.length - 1))];
      process.send({ command, value: { count: delays.length, p50: pick(0.5), p99: pick(0.99), max: pick(1) } });
      delays.length = 0;
    }
  });
  process.send({ command: 'up', value: connected });
}

/** Runs one role of this file in its own process, on its core; `ask` sends it a command and returns the answer. */
async function startRole(core, role, ...args) {
  const child = fork(here, [role, ...args], {
    execPath: '/usr/bin/taskset',
    execArgv: ['-c', core, process.execPath, '--expose-gc'],
  });
  process.on('exit', () => child.kill('SIGKILL'));
  const answer = async (command) => {
    for (;;) {
      const [message] = await once(child, 'message');
      if (message.command === command) return message.value;
    }
  };
  await answer('up');
  return {
    pid: child.pid,
    ask(command) {
      const answered = answer(command);
      child.send(command);
      return answered;
    },
    async stop() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

async function startNginx(directory) {
  const files = join(directory, 'files');
  mkdirSync(files);
  writeFileSync(join(files, 'index.m3u8'), playlist(0));
  writeFileSync(join(files, 'part.m4s'), Buffer.alloc(PART_BYTES, 0x55));
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${directory}/${kind};`,
  );
  const port = 20_000 + (process.pid % 20_000);
  const configuration = join(directory, 'nginx.conf');
  // As configured by Debian, without the log, and with the headers that players need.
  writeFileSync(
    configuration,
    `${process.getuid() === 0 ? 'user root;' : ''} daemon off; worker_processes 1; pid ${directory}/pid; error_log ${directory}/error.log;
    events { worker_connections 4096; }
    http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; ${temp.join(' ')}
      types { application/vnd.apple.mpegurl m3u8; video/iso.segment m4s; }
      add_header Cache-Control "public, max-age=1"; add_header Vary Accept-Encoding; add_header Access-Control-Allow-Origin *;
      add_header Access-Control-Expose-Headers "Content-Length, Content-Range, Date, Age"; add_header X-Content-Type-Options nosniff;
      server { listen 127.0.0.1:${port}; root ${files}; } }`,
  );
  const { child } = start('taskset', [
    '-c',
    SERVER_CORE,
    'nginx',
    '-c',
    configuration,
    '-e',
    join(directory, 'error.log'),
  ]);
  for (let tries = 0; tries < 250; tries += 1) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false)).on('close', () => undefined);
      setTimeout(() => socket.destroy(), 20);
    });
    if (open) return { port, pid: child.pid, stop: () => child.kill('SIGTERM') };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('nginx did not start');
}

/** Requests per second for one URL, and per second of CPU time that the server used, because other programs may use part of its core. */
async function load(url, pid) {
  const before = cpuSeconds(pid);
  const { child, ended } = start('taskset', ['-c', CLIENT_CORE, 'wrk', '-t1', '-c64', `-d${SECONDS}s`, url]);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const { code, stderr } = await ended;
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  if (code !== 0 || Number.isNaN(rate) || /Non-2xx|Socket errors/.test(output))
    throw new Error(`wrk: ${output}${stderr}`);
  return { rate, perCpuSecond: (rate * SECONDS) / (cpuSeconds(pid) - before) };
}

/** The headers of an uncompressed answer, without those that Node adds itself. */
async function headersOf(url) {
  const response = await fetch(url, { headers: { 'accept-encoding': 'identity' } });
  await response.arrayBuffer();
  const ofNode = new Set(['date', 'connection', 'keep-alive']);
  return [...response.headers].filter(([name]) => !ofNode.has(name)).flat();
}

async function compareWithNginx() {
  const nginx = await startNginx(temporaryDirectory());
  const origin = await startRole(SERVER_CORE, 'origin');
  const port = await origin.ask('port');
  const headers = {};
  for (const { kind, ours } of KINDS) headers[kind] = await headersOf(`http://127.0.0.1:${port}${ours}`);
  const bare = await startRole(SERVER_CORE, 'bare', JSON.stringify(headers));
  const barePort = await bare.ask('port');
  for (const { kind, ours, theirs } of KINDS) {
    const servers = {
      gateway: () => load(`http://127.0.0.1:${port}${ours}`, origin.pid),
      'bare node:http': () => load(`http://127.0.0.1:${barePort}${ours}`, bare.pid),
      nginx: () => load(`http://127.0.0.1:${nginx.port}${theirs}`, nginx.pid),
    };
    // Warm-up: code that has not run before is slow.
    await servers.gateway();
    await servers['bare node:http']();
    const runs = [];
    for (let run = 1; run <= RUNS; run += 1) {
      const measured = {};
      for (const [name, measure] of Object.entries(servers)) measured[name] = await measure();
      runs.push(measured);
      const rates = Object.entries(measured).map(
        ([name, { rate, perCpuSecond }]) => `${name} ${rate.toFixed(0)} (${perCpuSecond.toFixed(0)})`,
      );
      console.log(`${kind} ${run}, requests for a second, and for one of CPU: ${rates.join(', ')}`);
    }
    const ratios = (name, figure) =>
      summary(
        runs.map(({ nginx: reference, [name]: { [figure]: value } }) => value / reference[figure]),
        3,
      );
    console.log(
      `${kind}, gateway from memory / nginx from files: ${ratios('gateway', 'rate')}   goal >= ${GOALS[kind]}`,
    );
    console.log(`${kind}, the same for a second of CPU: ${ratios('gateway', 'perCpuSecond')}`);
    console.log(`${kind}, bare node:http with the same answer / nginx: ${ratios('bare node:http', 'rate')}`);
    console.log(`${kind}, the same for a second of CPU: ${ratios('bare node:http', 'perCpuSecond')}`);
  }
  nginx.stop();
  await bare.stop();
  await origin.stop();
}

async function blockedViewers() {
  const origin = await startRole(SERVER_CORE, 'origin');
  const before = await origin.ask('memory');
  const viewers = await startRole(CLIENT_CORE, 'viewers', String(await origin.ask('port')));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const after = await origin.ask('memory');
  // The first parts warm up the code.
  const advance = async (parts) => {
    for (let part = 0; part < parts; part += 1) {
      await origin.ask('advance');
      await new Promise((resolve) => setTimeout(resolve, PART_INTERVAL));
    }
  };
  // On a busy machine thousands of viewers need more than the time between two parts.
  const allHave = async (parts) => {
    for (let tries = 0; tries < 200; tries += 1) {
      if ((await viewers.ask('count')) === VIEWERS * parts) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await advance(6);
  await allHave(6);
  await viewers.ask('report');
  await origin.ask('begin');
  await advance(PARTS);
  const server = await origin.ask('end');
  await allHave(PARTS);
  const { count, p50, p99, max } = await viewers.ask('report');
  if (count !== VIEWERS * PARTS) throw new Error(`got ${count} answers, expected ${VIEWERS * PARTS}`);
  const ms = (value) => value.toFixed(1);
  const perViewer = (key) => ((after[key] - before[key]) / VIEWERS / 1024).toFixed(1);
  const share = (server.cpu / ((PARTS * PART_INTERVAL) / 1000) / VIEWERS) * 1000 * 100;
  console.log(`${VIEWERS} blocked viewers of one playlist, a part each ${PART_INTERVAL} ms:`);
  console.log(`  part ready -> last byte read   p50 ${ms(p50)} ms  p99 ${ms(p99)} ms  max ${ms(max)} ms`);
  console.log(
    `  event loop delay               p50 ${ms(server.p50)} ms  p99 ${ms(server.p99)} ms  max ${ms(server.max)} ms`,
  );
  console.log(`  CPU per 1,000 viewers          ${share.toFixed(1)} % of a core`);
  console.log(
    `  memory per waiting viewer      ${perViewer('rss')} kB resident (heap ${perViewer('heapUsed')} kB, buffers ${perViewer('external')} kB)`,
  );
  await viewers.stop();
  await origin.stop();
}

const [role, argument] = process.argv.slice(2);
if (role === 'origin') {
  await serveOrigin();
} else if (role === 'bare') {
  await serveBare(JSON.parse(argument));
} else if (role === 'viewers') {
  await runViewers(Number(argument));
} else {
  console.log(describeMachine());
  await compareWithNginx();
  await blockedViewers();
  process.exit(0);
}
