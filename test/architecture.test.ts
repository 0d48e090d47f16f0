// The house rules as a test: who may import whom, no cycles, no hidden globals. ARCHITECTURE.md explains them in prose.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const src = join(root, 'src');

interface Source {
  /** Path below src/, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** Imports of this project, as paths below src/; type-only imports and re-exports included. */
  readonly internal: readonly string[];
  readonly external: readonly string[];
}

function readSources(): Source[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .map((file) => file.split(sep).join('/'))
    .filter((file) => file.endsWith('.ts'));
  return files.map((path) => {
    const text = readFileSync(join(src, path), 'utf8');
    const specifiers = [
      ...text.matchAll(/^\s*(?:import|export)\b[^;'"]*?from\s*['"]([^'"]+)['"]/gms),
      ...text.matchAll(/^\s*import\s*['"]([^'"]+)['"]/gm),
      ...text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g),
    ].map((match) => match[1] ?? '');
    const internal = specifiers
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts'));
    return { path, text, internal, external: specifiers.filter((specifier) => !specifier.startsWith('.')) };
  });
}

const sources = readSources();

/** Without comments. */
function codeLines(text: string): { readonly line: string; readonly number: number }[] {
  return text
    .split('\n')
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => !/^\s*(\/\/|\*|\/\*)/.test(line));
}

/** Something else will call, and whatever is thrown then has no caller to go to. Timers come from `Clock.after`, which a domain owns. */
const CALLBACK =
  /\.(on|once|addListener|prependListener|addEventListener|then|finally)\(|\b(setTimeout|setInterval|setImmediate|queueMicrotask)\(/;

/**
 * How many of them were read for it, by file: what they give away is guarded by a domain, caught on the spot, or a line that cannot throw. Each
 * other one needs a domain, and its seam a row in test/faults/seams/seam-table.ts.
 */
const CALLBACKS: Readonly<Record<string, number>> = {
  'access/unanswered-challenges.ts': 1,
  'gateway/pulled-streams.ts': 1,
  'gateway/relay.ts': 1,
  'gateway/rtmp-players.ts': 2,
  'hls/store/disk-thread-client.ts': 5,
  'hls/store/stored-reads.ts': 2,
  'hls/window/blocking-reload.ts': 1,
  'access/publishers/publishers.ts': 1,
  'access/audit/audit-log.ts': 1,
  'access/tickets/revocations.ts': 1,
  'events/outbox/journal.ts': 1,
  'live/registry.ts': 1,
  'live/subscription.ts': 1,
  'pipeline/publisher.ts': 1,
  'servers/admin/app.ts': 1,
  'servers/http/app.ts': 1,
  'servers/http/connection-limits.ts': 4,
  'servers/http/delivery/banned-waits.ts': 1,
  'servers/http/delivery/body-version.ts': 1,
  'servers/http/delivery/delivery.ts': 1,
  'servers/http/delivery/pieces.ts': 1,
  'servers/http/delivery/shared-calls.ts': 4,
  'servers/http/delivery/slow-readers.ts': 2,
  'servers/http/routes/events.ts': 1,
  'servers/http/delivery/unread-answers.ts': 1,
  'servers/http/limited-log.ts': 1,
  'servers/http/metering/connections.ts': 11,
  'servers/http/metering/metered-socket.ts': 6,
  'servers/http/metering/work-turns.ts': 1,
  'servers/http/plugins/request-log.ts': 1,
  'servers/http/plugins/unread-answers.ts': 1,
  'servers/http/web-port.ts': 4,
  'servers/rtmp/connection.ts': 2,
  'servers/rtmp/deadline.ts': 1,
  'servers/rtmp/descriptor-reserve.ts': 1,
  'servers/rtmp/listener.ts': 5,
  'servers/rtmp/proxy-peers.ts': 2,
  'servers/rtmp/playback.ts': 1,
  'servers/rtmp/session-pump.ts': 1,
  'servers/rtmp/tls-unwrapper.ts': 3,
  'relay/push-run.ts': 1,
  'relay/push-targets.ts': 1,
  'relay/rtmp-link.ts': 5,
  'tls/certificate.ts': 2,
  'transcode/ffmpeg-process.ts': 8,
  // At start, when there is no stream yet.
  'transcode/child-settings.ts': 2,
  'transcode/ffmpeg-proof.ts': 6,
};

/** The specifications of two modules each use the word in their own sense. */
const TWO_MEANINGS: ReadonlySet<string> = new Set([
  // ISO/IEC 23009-1 and RFC 9110 section 3.2.
  'Representation',
]);

/** The module a file belongs to: `protocols/rtmp`, `servers/http`, `hls` …; top-level files are modules of their own. */
function moduleOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  if (first === 'protocols' || first === 'servers') return second.endsWith('.ts') ? first : `${first}/${second}`;
  return first;
}

const shared = 'protocols';
const protocols = {
  'protocols/bytes': [shared],
  'protocols/amf': [shared, 'protocols/bytes'],
  'protocols/mp4': [shared, 'protocols/bytes'],
  'protocols/bitstream': [shared, 'protocols/bytes', 'protocols/mp4'],
  'protocols/flv': [shared, 'protocols/bytes', 'protocols/amf', 'protocols/mp4'],
  'protocols/rtmp': [shared, 'protocols/bytes', 'protocols/amf', 'protocols/mp4', 'protocols/flv'],
};
/** Types and constants that several modules share. */
const contracts = 'contracts';
const anyProtocol = [shared, contracts, ...Object.keys(protocols)];
const middle = ['live', 'transcode', 'hls', 'dash', 'access', 'events', 'data', 'recording', 'relay'];

/** The composition root may build objects of every module. */
const composed = [
  'tls',
  ...anyProtocol,
  ...middle,
  'servers/rtmp',
  'servers/http',
  'servers/admin',
  'pipeline',
  'config',
];

/** The modules inside hls/, lowest first, and what each may import of hls/ besides itself. The files directly in hls/ use all of them. */
const hlsErrors = 'hls/errors.ts';
const hlsModules: Readonly<Record<string, readonly string[]>> = {
  'hls/timeline': [hlsErrors],
  'hls/packaging': ['hls/timeline', hlsErrors],
  'hls/playlists': ['hls/timeline', hlsErrors],
  'hls/window': ['hls/timeline', 'hls/packaging', 'hls/playlists', hlsErrors],
  'hls/store': ['hls/timeline', 'hls/packaging', 'hls/playlists', 'hls/window', hlsErrors],
};

/** Each module and what it may import besides itself. A module that is not listed here fails the test: decide where it belongs. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  [shared]: [],
  [contracts]: [shared],
  ...protocols,
  ...Object.fromEntries(middle.map((name) => [name, anyProtocol])),
  'servers/rtmp': [...anyProtocol, ...middle],
  'servers/http': [...anyProtocol, ...middle],
  // The admin listener reuses parts of servers/http, which does not import it.
  'servers/admin': ['servers/http', ...anyProtocol, ...middle],
  pipeline: [...anyProtocol, ...middle],
  config: [shared, contracts],
  demo: [...anyProtocol],
  'system-clock.ts': [shared],
  tls: [shared, contracts],
  gateway: composed,
  'gateway.ts': ['gateway', 'system-clock.ts', ...composed],
  cli: ['gateway.ts', 'system-clock.ts', 'config', 'demo', 'transcode', 'access', contracts, shared],
  'cli.ts': ['cli'],
  'index.ts': ['gateway.ts', 'config', 'servers/http', 'servers/admin', ...anyProtocol, ...middle],
};

describe('architecture', () => {
  it('finds the sources', () => {
    expect(sources.length).toBeGreaterThan(30);
  });

  it('allows no import against the rules of the modules', () => {
    const broken: string[] = [];
    for (const source of sources) {
      const from = moduleOf(source.path);
      const may = allowed[from];
      if (may === undefined) broken.push(`${source.path}: module ${from} has no rule`);
      for (const target of source.internal) {
        const to = moduleOf(target);
        if (to !== from && !may?.includes(to)) broken.push(`${source.path} -> ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('allows no import from a higher module inside hls/', () => {
    const inside = (path: string) => (path.split('/').length > 2 ? path.split('/').slice(0, 2).join('/') : path);
    const broken = sources.flatMap(({ path, internal }) => {
      const may = hlsModules[inside(path)];
      if (may === undefined) return [];
      return internal
        .filter(
          (target) => target.startsWith('hls/') && inside(target) !== inside(path) && !may.includes(inside(target)),
        )
        .map((target) => `${path} -> ${target}`);
    });
    expect(broken).toEqual([]);
  });

  it('resolves every internal import to a file', () => {
    const known = new Set(sources.map((source) => source.path));
    const missing = sources.flatMap(({ path, internal }) =>
      internal.filter((target) => target.endsWith('.ts') && !known.has(target)).map((target) => `${path} -> ${target}`),
    );
    expect(missing).toEqual([]);
  });

  it('has no import cycle, type imports included', () => {
    const graph = new Map(sources.map((source) => [source.path, source.internal]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (done.has(path)) return;
      const at = trail.indexOf(path);
      if (at >= 0) {
        cycles.push([...trail.slice(at), path].join(' -> '));
        return;
      }
      for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
      done.add(path);
    };
    for (const path of graph.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it('keeps protocols pure: no sockets, files, clocks or loggers; crypto only in the handshake digest', () => {
    const pure = sources.filter(({ path }) => path.startsWith('protocols/'));
    const broken = pure.flatMap(({ path, external, text }) => [
      ...external
        .filter((name) => !(name === 'node:buffer' || (name === 'node:crypto' && path.endsWith('handshake-digest.ts'))))
        .map((name) => `${path} imports ${name}`),
      ...(/\b(Date\.now|performance\.now|setTimeout|setInterval|setImmediate|process\.)/.test(text)
        ? [`${path} uses a clock, a timer or process`]
        : []),
    ]);
    expect(broken).toEqual([]);
  });

  it('limits files to 300 lines', () => {
    const long = sources.filter(({ text }) => text.trimEnd().split('\n').length > 300).map(({ path }) => path);
    expect(long).toEqual([]);
  });

  it('uses documented Node APIs only', () => {
    const insides: readonly RegExp[] = [
      /\._handle\b|\bprocess\.binding\b|\bsetFlagsFromString\b|\._(?:events|server|httpMessage|socket)\b/,
      /\._(?:readable|writable)State\b|\bgetOwnPropertySymbols\b|\bshouldKeepAlive\b|\b(?:assign|detach)Socket\b/,
      // Node makes and ends its own requests, responses and sockets.
      /\bextends (?:ServerResponse|IncomingMessage|OutgoingMessage|ClientRequest|Http2Server\w+|Socket|TLSSocket)\b/,
      /\bServerResponse:|\bIncomingMessage:/,
      // node:stream, "API for stream implementers": public methods are not overridden, and events of a stream are not emitted by hand.
      /\boverride (?:read|write|end|cork|uncork|destroy|pause|resume|pipe)\(|defineProperty\(\w+\.prototype\b/,
      /\.emit\('(?:finish|close|end|data|error|drain|readable|prefinish)'/,
    ];
    const broken = sources.flatMap(({ path, text }) =>
      codeLines(text)
        .filter(({ line }) => insides.some((inside) => inside.test(line)))
        .map(({ number, line }) => `${path}:${number} ${line.trim()}`),
    );
    expect(broken).toEqual([]);
  });

  it('reads process.env only in config/', () => {
    const broken = sources.filter(({ path, text }) => !path.startsWith('config/') && /process\.env\b/.test(text));
    expect(broken.map(({ path }) => path)).toEqual([]);
  });

  it('knows fluent-ffmpeg in one file only', () => {
    expect(sources.filter(({ external }) => external.includes('fluent-ffmpeg')).map(({ path }) => path)).toHaveLength(
      1,
    );
  });

  it('runs every promise that nobody awaits in the failure domain of a stream, a connection or the program', () => {
    // Fastify runs its plugins when it starts, and reports there what failed in one.
    const allowed = /^\s*(if \(.*\) )?void app\.register\(/;
    const broken = sources.flatMap(({ path, text }) =>
      codeLines(text)
        // As a type, `void` is followed by no name.
        .filter(({ line }) => /\bvoid\s+[\w(#]/.test(line) && !allowed.test(line))
        .map(({ number, line }) => `${path}:${number} ${line.trim()}`),
    );
    expect(broken).toEqual([]);
  });

  it('guards all callbacks of streams and connections with their failure domain', () => {
    const modules = /^(live|transcode|pipeline|hls|dash|servers|gateway|tls|access|events|relay)\//;
    const found = sources
      .filter(({ path }) => modules.test(path))
      .map(({ path, text }) => {
        // What is awaited has somebody to fail for.
        const lines = codeLines(text).filter(({ line }) => CALLBACK.test(line) && !/\bawait\b/.test(line));
        return { path, lines: lines.map(({ number, line }) => `${number} ${line.trim()}`) };
      });
    const wrong = found.filter(({ path, lines }) => lines.length !== (CALLBACKS[path] ?? 0));
    expect(wrong, 'callbacks that nobody has read for what becomes of their errors').toEqual([]);
    expect(Object.keys(CALLBACKS).filter((path) => !found.some((file) => file.path === path))).toEqual([]);
  });

  it('keeps contracts/ to types and constants', () => {
    const code = /^(?:export )?(?:abstract )?(?:class|(?:async )?function\*?|let|var)\b|=>\s*\{|^import (?!type\b)/;
    const broken = sources
      .filter(({ path }) => path.startsWith('contracts/'))
      .flatMap(({ path, text }) =>
        codeLines(text)
          .filter(({ line }) => code.test(line))
          .map(({ number, line }) => `${path}:${number} ${line.trim()}`),
      );
    expect(broken).toEqual([]);
  });

  it('declares no class, interface or function with the same name in two modules', () => {
    const modules = new Map<string, Set<string>>();
    for (const { path, text } of sources) {
      for (const [, name = ''] of text.matchAll(
        /^export (?:abstract )?(?:class|interface|(?:async )?function) (\w+)/gm,
      )) {
        modules.set(name, (modules.get(name) ?? new Set()).add(path.split('/')[0] ?? ''));
      }
    }
    const twice = [...modules]
      .filter(([name, among]) => among.size > 1 && !TWO_MEANINGS.has(name))
      .map(([name]) => name);
    expect(twice).toEqual([]);
  });

  it('has no default exports and no file named utils, misc, common or helpers', () => {
    const defaults = sources.filter(({ text }) => /^export default\b/m.test(text)).map(({ path }) => path);
    const vague = sources.filter(({ path }) => /(^|\/)(utils?|misc|common|helpers?)(\.ts|\/)/.test(path));
    expect([...defaults, ...vague.map(({ path }) => path)]).toEqual([]);
  });

  it('opens every file with a sentence that says why it exists', () => {
    const silent = sources.filter(({ text }) => !/^(#!.*\n)?(\/\/ |\/\*\*?[\s\S])/.test(text)).map(({ path }) => path);
    expect(silent).toEqual([]);
  });

  it('names nothing outside the project', () => {
    const outside = sources
      .filter(({ text }) => text.includes(`..${posix.sep}shared`))
      .map(({ path }) => relative('', path));
    expect(outside).toEqual([]);
  });
});
