// What tickets cost: the same media from the gateway's HTTP side, once for everybody and once with a ticket that is checked for each request.
// Then as many forged tickets as wrk sends beside one viewer with a good one. Needs wrk (Debian: wrk).
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { cpuSeconds, describeMachine, start, summary } from './measuring.mjs';

const [SERVER_CORE, CLIENT_CORE] = availableParallelism() > 1 ? ['0', '1'] : ['0', '0'];
const RUNS = Number(process.env.BENCH_RUNS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const PART_BYTES = 190_000;
const GOAL = 0.98;
/** Time between two requests of the viewer under attack, in milliseconds. */
const PACE = 50;
const KINDS = { playlists: 'live/a/v/index.m3u8', parts: 'live/a/v/part-1.m4s' };
const here = fileURLToPath(import.meta.url);

async function guard() {
  const { SigningKeys } = await import('../dist/access/tickets/signing-keys.js');
  const { createTicket } = await import('../dist/access/tickets/ticket.js');
  const { ViewerTokens } = await import('../dist/access/tickets/viewer-tokens.js');
  const { ViewerPolicy } = await import('../dist/access/viewer-policy.js');
  const { Bans } = await import('../dist/access/policy/bans.js');
  const { Grants } = await import('../dist/access/policy/grants.js');
  const { Sessions } = await import('../dist/access/policy/sessions.js');
  const { systemClock } = await import('../dist/system-clock.js');
  const keys = new SigningKeys([Buffer.alloc(32, 7)]);
  const steps = { bans: new Bans(Date.now), grants: new Grants(systemClock) };
  const revoked = { has: () => false, list: () => [] };
  const tokens = new ViewerTokens({ keys, wallClock: Date.now, clockSkew: 30, revoked });
  const until = Math.floor(Date.now() / 1000) + 3600;
  return {
    access: new ViewerPolicy({ tokens, steps, sessions: new Sessions(systemClock) }),
    ticket: createTicket({ sid: 'a-viewer', until }, { app: 'live', name: 'a' }, keys),
  };
}

/** The gateway's HTTP side with all media in memory, on the port that a gateway opens. */
async function serve(isGuarded) {
  const { pino } = await import('pino');
  const { buildHttpApp } = await import('../dist/servers/http/app.js');
  const { WebPort } = await import('../dist/servers/http/web-port.js');
  const found = (kind, body) => ({ status: 200, kind, body, targetDuration: 2 });
  const playlist = found('media-playlist', Buffer.from(`#EXTM3U\n${'#EXTINF:2.00000,\nseg-1.m4s\n'.repeat(50)}`));
  const part = found('part', Buffer.alloc(PART_BYTES, 0x55));
  const inMemory = (_app, _name, _rendition, file) => (file === '' ? playlist : part);
  const { access, ticket } = isGuarded ? await guard() : {};
  let logged = 0;
  const logger = pino({ level: 'info' }, { write: (line) => (logged += line.length) });
  const { app, connections, log } = buildHttpApp({
    origin: {
      multivariant: async () => playlist,
      mediaPlaylist: async () => playlist,
      file: async () => part,
      inMemory,
    },
    streams: { list: () => [], get: () => undefined },
    health: { ready: () => ({ ready: true, reasons: [] }) },
    access,
    logger,
  });
  await app.ready();
  const { port } = await new WebPort({ host: '127.0.0.1', port: 0, connections, log }).listen();
  process.on('message', () => {
    globalThis.gc?.();
    process.send({ memory: process.memoryUsage.rss(), logged });
  });
  process.send({ port, ticket });
}

async function startServer(role) {
  const child = fork(here, [role], {
    execPath: '/usr/bin/taskset',
    execArgv: ['-c', SERVER_CORE, process.execPath, '--expose-gc'],
  });
  process.on('exit', () => child.kill('SIGKILL'));
  const heard = async () => (await once(child, 'message'))[0];
  const { port, ticket } = await heard();
  const root = `http://127.0.0.1:${port}/hls/${ticket === undefined ? '' : `${ticket}/`}`;
  const state = () => {
    const answer = heard();
    child.send('state');
    return answer;
  };
  return { pid: child.pid, root, ticket, state };
}

/** Requests for a second, and for a second of CPU time that the server used. */
async function load(url, { pid }, areRefused = false) {
  const before = cpuSeconds(pid);
  const { child, ended } = start('taskset', ['-c', CLIENT_CORE, 'wrk', '-t1', '-c64', `-d${SECONDS}s`, url]);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const { code, stderr } = await ended;
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  if (code !== 0 || Number.isNaN(rate) || /Socket errors/.test(output) || /Non-2xx/.test(output) !== areRefused)
    throw new Error(`wrk: ${output}${stderr}`);
  const cpu = cpuSeconds(pid) - before;
  return { rate, cpu: cpu / SECONDS, perCpuSecond: (rate * SECONDS) / cpu };
}

async function compare(open, guarded) {
  for (const [kind, path] of Object.entries(KINDS)) {
    // Code that has not run before is slow.
    for (const server of [open, guarded]) await load(server.root + path, server);
    const ratios = { rate: [], perCpuSecond: [] };
    for (let run = 0; run < RUNS; run += 1) {
      // Each is first every second time.
      const order = run % 2 === 0 ? [open, guarded] : [guarded, open];
      const measured = new Map();
      for (const server of order) measured.set(server, await load(server.root + path, server));
      for (const figure of Object.keys(ratios))
        ratios[figure].push(measured.get(guarded)[figure] / measured.get(open)[figure]);
    }
    console.log(
      `${kind}, with tickets / for everybody, requests for a second: ${summary(ratios.rate, 3)}   goal >= ${GOAL}`,
    );
    console.log(`${kind}, the same for a second of CPU: ${summary(ratios.perCpuSecond, 3)}`);
  }
}

/** A viewer with a good ticket while others send forged ones. */
async function attack(guarded) {
  const delays = [];
  let refused = 0;
  const ask = async () => {
    const began = performance.now();
    const answer = await fetch(guarded.root + KINDS.playlists);
    await answer.arrayBuffer();
    if (!answer.ok) refused += 1;
    delays.push(performance.now() - began);
  };
  for (let i = 0; i < 20; i += 1) await ask();
  delays.length = 0;
  const before = await guarded.state();
  const clock = setInterval(() => void ask(), PACE);
  const last = guarded.ticket.at(-1) === 'A' ? 'Q' : 'A';
  const forged = guarded.root.replace(guarded.ticket, `${guarded.ticket.slice(0, -1)}${last}`);
  const { rate, cpu } = await load(forged + KINDS.playlists, guarded, true);
  clearInterval(clock);
  const after = await guarded.state();
  delays.sort((a, b) => a - b);
  const pick = (share) => delays[Math.floor(share * (delays.length - 1))].toFixed(1);
  console.log(
    `${rate.toFixed(0)} forged tickets in a second for ${SECONDS} s: ${(100 * cpu).toFixed(0)} % of a core, ${((1e6 * cpu) / rate).toFixed(0)} µs each, ` +
      `the memory is ${((after.memory - before.memory) / 2 ** 20).toFixed(1)} MiB larger after it, ${after.logged - before.logged} bytes of log`,
  );
  console.log(
    `the viewer meanwhile: ${delays.length} requests, ${refused} refused, p50 ${pick(0.5)} ms, p99 ${pick(0.99)} ms`,
  );
}

async function main() {
  console.log(describeMachine());
  const [open, guarded] = [await startServer('open'), await startServer('guarded')];
  await compare(open, guarded);
  await attack(guarded);
  process.exit(0);
}

const role = process.argv[2];
if (role === 'open' || role === 'guarded') await serve(role === 'guarded');
else await main();
