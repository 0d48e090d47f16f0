// Attacks on the HTTP and TLS ports: bursts of requests, unknown methods, handshakes and headers that never end.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { address, Peer, sleep, within } from './peer.js';
import { type Attack, type Growth, must, type Phase, tally } from './phase.js';

const REQUESTS = 990;
/** The deadlines of docs/limits.md in milliseconds, with tolerance for the checks once a second and for a busy machine. */
const WITHIN = { handshake: 10_000, head: 15_000, publish: 15_000 } as const;
const ROOM = 4_000;

function frame(type: number, flags: number, id: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.set([type, flags], 3);
  header.writeUInt32BE(id, 5);
  return Buffer.concat([header, payload]);
}

function head(fields: Readonly<Record<string, string>>): Buffer {
  const literals = Object.entries(fields).map(([name, value]) =>
    Buffer.concat([Buffer.of(0, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value)]),
  );
  return Buffer.concat(literals);
}

const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0)]);
const CANCEL = Buffer.of(0, 0, 0, 8);

interface Guest {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  isClosed: boolean;
}

function guest(socket: Socket): Guest {
  socket.on('error', () => socket.destroy());
  socket.resume();
  const one: Guest = { socket, closed: Promise.resolve(), isClosed: false };
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      one.isClosed = true;
      resolve();
    });
  });
  return Object.assign(one, { closed });
}

async function open(attack: Attack, port: number, index: number, alpn?: string): Promise<Guest> {
  const { host } = attack.target;
  const plain = connect({ host, port, localAddress: address(index) });
  if (alpn === undefined) {
    const one = guest(plain);
    await Promise.race([once(plain, 'connect'), one.closed]);
    return one;
  }
  plain.on('error', () => plain.destroy());
  const one = guest(connectTls({ socket: plain, ALPNProtocols: [alpn], rejectUnauthorized: false }));
  await Promise.race([once(one.socket, 'secureConnect'), one.closed]);
  return one;
}

async function burst(attack: Attack, kind: 'HTTP/1.1' | 'HTTP/2', full: number, port: number): Promise<string> {
  const path = `/hls/live/${attack.liveName}/source/index.m3u8`;
  const fields = { ':method': 'GET', ':scheme': 'https', ':authority': 'x', ':path': `${path}?_HLS_msn=99999` };
  const block = head(fields);
  const bytes: Buffer =
    kind === 'HTTP/1.1'
      ? Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(REQUESTS))
      : Buffer.concat([
          PREFACE,
          ...Array.from({ length: REQUESTS }, (_, index) =>
            Buffer.concat([frame(1, 5, 1 + 2 * index, block), frame(3, 0, 1 + 2 * index, CANCEL)]),
          ),
        ]);
  const guests: Guest[] = [];
  for (let index = 0; index < attack.count(full); index++) {
    const isPlain = kind === 'HTTP/1.1';
    guests.push(await open(attack, port, index, isPlain ? undefined : 'h2'));
  }
  for (const { socket } of guests) socket.write(bytes);
  await within(Promise.all(guests.map(({ closed }) => closed)), attack.lasting(8));
  const ended = guests.filter(({ isClosed }) => isClosed).length;
  for (const { socket } of guests) socket.destroy();
  return `${guests.length} connections with ${REQUESTS} requests in one write, ${ended} ended by the gateway`;
}

/** The same burst of HTTP/2 at a server that does nothing. */
async function floorOfBurst(attack: Attack, full: number): Promise<Growth> {
  const { cert, key } = attack.certificate;
  const server = fork(fileURLToPath(new URL('./bare-server.js', import.meta.url)), [cert, key], {
    execArgv: ['--expose-gc'],
  });
  try {
    const heard = async (): Promise<number> => ((await once(server, 'message')) as [number])[0];
    const port = await heard();
    const collected = (): Promise<number> => {
      const answer = heard();
      server.send('collect');
      return answer;
    };
    const before = await collected();
    let highest = before;
    const status = `/proc/${server.pid}/status`;
    const sampling = setInterval(() => {
      const resident = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(status, 'utf8'))?.[1]) * 1024;
      highest = Math.max(highest, resident);
    }, 20);
    await burst(attack, 'HTTP/2', full, port);
    clearInterval(sampling);
    await sleep(500);
    return { highest: highest - before, after: (await collected()) - before };
  } finally {
    server.kill('SIGKILL');
  }
}

async function unknownMethods(attack: Attack): Promise<string> {
  const block = head({ ':method': 'FOO', ':scheme': 'https', ':authority': 'x', ':path': '/' });
  const requests = attack.count(20_000);
  const guests = await Promise.all(
    Array.from({ length: 10 }, (_, index) => open(attack, attack.web.httpsPort, index, 'h2')),
  );
  for (const { socket } of guests) socket.write(PREFACE);
  const each = Math.ceil(requests / guests.length);
  // As many at a time as a client is allowed.
  for (let sent = 0; sent < each; sent += 100) {
    const streams = Array.from({ length: Math.min(100, each - sent) }, (_, index) =>
      frame(1, 5, 1 + 2 * (sent + index), block),
    );
    for (const { socket } of guests) socket.write(Buffer.concat(streams));
    await sleep(20);
  }
  await sleep(attack.lasting(1));
  const ended = guests.filter(({ isClosed }) => isClosed).length;
  for (const { socket } of guests) socket.destroy();
  return `${each * guests.length} requests with the method FOO, ${ended} of ${guests.length} connections ended`;
}

/** Peers that stop in the middle, on every port, until their deadline; a short run does not wait for it. */
async function slowPeers(attack: Attack): Promise<string> {
  const { web, target } = attack;
  const hello = Buffer.from('16030102000100', 'hex');
  const half = Buffer.from('GET / HTTP/1.1\r\nHo');
  const none = Buffer.alloc(0);
  const cases = [
    { name: 'HTTP, no byte', port: web.httpPort, bytes: none, within: WITHIN.head },
    { name: 'HTTP, half a head', port: web.httpPort, bytes: half, within: WITHIN.head },
    { name: 'HTTPS, no byte', port: web.httpsPort, bytes: none, within: WITHIN.handshake },
    { name: 'HTTPS, half a handshake', port: web.httpsPort, bytes: hello, within: WITHIN.handshake },
    { name: 'HTTPS, no byte inside', port: web.httpsPort, alpn: 'http/1.1', bytes: none, within: WITHIN.head },
    { name: 'HTTPS, half a head', port: web.httpsPort, alpn: 'http/1.1', bytes: half, within: WITHIN.head },
    { name: 'HTTP/2, no stream', port: web.httpsPort, alpn: 'h2', bytes: PREFACE, within: WITHIN.head },
    {
      name: 'HTTP/2, half a head',
      port: web.httpsPort,
      alpn: 'h2',
      bytes: Buffer.concat([PREFACE, frame(1, 1, 1, head({ ':method': 'GET' }))]),
      within: WITHIN.head,
    },
    { name: 'RTMPS, half a handshake', port: web.rtmpsPort, bytes: hello, within: attack.handshakeTimeout },
    {
      name: 'RTMPS, no byte inside',
      port: web.rtmpsPort,
      alpn: 'http/1.1',
      bytes: none,
      within: attack.handshakeTimeout,
    },
    { name: 'RTMP, no byte', port: target.port, bytes: none, within: attack.handshakeTimeout },
  ];
  const results = await Promise.all(
    cases.map(async ({ name, port, bytes, alpn, within: deadline }, kind) => {
      const many = attack.count(50);
      const guests = await Promise.all(
        Array.from({ length: many }, (_, index) => open(attack, port, kind * 50 + index, alpn)),
      );
      const began = performance.now();
      for (const { socket } of guests) socket.write(bytes);
      const wait = attack.isShort ? attack.lasting(2) : deadline + ROOM;
      const ended = await within(Promise.all(guests.map(({ closed }) => closed)), wait);
      const seconds = (performance.now() - began) / 1000;
      const open_ = guests.filter(({ isClosed }) => !isClosed).length;
      for (const { socket } of guests) socket.destroy();
      must(attack.isShort || ended, `${name}: ${open_} of ${many} were open ${seconds.toFixed(1)} s later`);
      return ended ? `${name} ${seconds.toFixed(1)} s` : `${name} not waited for`;
    }),
  );
  return results.join('; ');
}

/** RTMP connections that are refused one after the other: each could write a log line. */
async function refusedPublishers(attack: Attack): Promise<string> {
  const ends: string[] = [];
  const count = attack.count(400);
  for (let index = 0; index < count; index++) {
    const peer = new Peer(attack.target, { from: address(index) });
    await peer.write(peer.publishBytes(attack.target.port, `nobody${index}?key=${attack.key}`));
    ends.push((await peer.hears('NetStream.Publish.Start', 5_000)) ? 'accepted' : 'refused');
    await peer.hangUp(100);
  }
  return tally(ends);
}

const SIZES = [60, 250, 500] as const;

export const HTTP_PHASES: readonly Phase[] = [
  ...SIZES.map((size) => ({
    name: `${size} HTTP/1.1 bursts`,
    line: 'C4',
    run: (attack: Attack) => burst(attack, 'HTTP/1.1', size, attack.web.httpPort),
  })),
  ...SIZES.map((size) => ({
    name: `${size} HTTP/2 bursts`,
    line: 'C4',
    run: (attack: Attack) => burst(attack, 'HTTP/2', size, attack.web.httpsPort),
    floor: (attack: Attack) => floorOfBurst(attack, size),
  })),
  { name: 'unknown methods', line: 'C4', run: unknownMethods },
  { name: 'half-open TLS, slow peers', line: 'C4', run: slowPeers },
  { name: 'publishers that come and go', line: 'C4', run: refusedPublishers },
];
