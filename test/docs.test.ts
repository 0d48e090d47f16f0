// Documents must be true: everything that they name must exist, and everything that users may see must be documented.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { SIGN_FLAGS } from '../src/cli/link-times.js';
import { TOKEN_FLAGS } from '../src/cli/operator-tokens.js';
import { KEY_FLAGS } from '../src/cli/publishers.js';
import { RECORDING_FLAGS } from '../src/cli/recordings.js';
import { TARGET_FLAGS } from '../src/cli/targets.js';
import { CONFIG_FILE_VARIABLE } from '../src/config/environment.js';
import { OPTIONS } from '../src/config/option.js';
import type { RecordingLibrary } from '../src/contracts/recordings.js';
import { REPAIRS } from '../src/live/repairs.js';
import { METRICS } from '../src/servers/http/metrics/definitions.js';
import { sluiceHttp } from '../src/servers/http/plugin.js';
import { fakeDependencies } from './servers/http/fake-origin.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Paths below a directory of the project, from the project's root, with forward slashes. */
function filesBelow(directory: string, matches: (path: string) => boolean): string[] {
  return readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .map((path) => posix.join(directory, path.split(sep).join('/')))
    .filter(matches)
    .sort();
}

const isPage = (path: string): boolean => path.endsWith('.md');
const manual = ['README.md', 'SECURITY.md', ...filesBelow('docs', isPage), ...filesBelow('examples', isPage)];
const pages = [...manual, 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];

/** One line per error code, `module | code | kind`, sorted: both sides of the comparison have this shape. */
async function registeredErrors(): Promise<string[]> {
  const lines: string[] = [];
  for (const path of filesBelow('src', (file) => posix.basename(file) === 'errors.ts')) {
    const name = posix.dirname(path).replace(/^src\//, '');
    const module: Record<string, unknown> = await import(pathToFileURL(join(root, path)).href);
    for (const catalogue of Object.values(module)) {
      if (typeof catalogue !== 'function' || !('entries' in catalogue)) continue;
      const entries = catalogue.entries as Record<string, { readonly kind: string }>;
      for (const [code, { kind }] of Object.entries(entries)) lines.push(`${name} | ${code} | ${kind}`);
    }
  }
  return lines.sort();
}

function documentedErrors(): string[] {
  const lines: string[] = [];
  let name = '';
  for (const line of read('docs/errors.md').split('\n')) {
    name = /^## (.+)$/.exec(line)?.[1] ?? name;
    const [, code, kind] = /^\| `([a-z0-9-]+\.[a-z0-9-]+)` \| ([a-z-]+) \| \S/.exec(line) ?? [];
    if (code !== undefined) lines.push(`${name} | ${code} | ${kind}`);
  }
  return lines.sort();
}

/** Removes code, because text in it may look like a link. */
const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');

function relativeLinks(text: string): string[] {
  const prose = withoutCode(text);
  const targets = [
    ...prose.matchAll(/\]\(([^)\s]+)[^)]*\)/g),
    ...prose.matchAll(/<(?:img|a)\s[^>]*(?:src|href)="([^"]+)"/g),
  ];
  return targets.map(([, target = '']) => target).filter((target) => !/^(?:[a-z]+:|#)/.test(target));
}

describe('docs/errors.md', () => {
  it('lists exactly the registered error codes, each with its module and kind', async () => {
    const registered = await registeredErrors();
    expect(registered.length).toBeGreaterThan(50);
    expect(documentedErrors()).toEqual(registered);
  });

  it('explains every kind', async () => {
    const kinds = new Set((await registeredErrors()).map((line) => line.split(' | ')[2]));
    for (const kind of kinds) expect(read('docs/errors.md')).toContain(`| \`${kind}\` |`);
  });
});

describe('docs/publishing.md', () => {
  it('lists every shortcoming that a plan may have', () => {
    const pushed = [...read('src/pipeline/stream-plan.ts').matchAll(/shortcomings\.push\(\s*(`[^`]*`)?/g)];
    const sentences = pushed.map(([, text = 'not a template']) => text.replace(/(?:\$\{[^}]*\})+/g, '…'));
    const section = read('docs/publishing.md').split('## Less than configured')[1]?.split('\n## ')[0] ?? '';
    const listed = [...section.matchAll(/^\| (`[^`]*`) \| \S/gm)].map(([, text]) => text);
    expect(listed).toHaveLength(7);
    expect(sentences.sort()).toEqual(listed.sort());
  });
});

describe('docs/metrics.md', () => {
  it('lists every kind of repair', () => {
    const section = read('docs/metrics.md').split('## Repairs')[1]?.split('\n## ')[0] ?? '';
    const listed = [...section.matchAll(/^\| `([\w-]+)` \| \S/gm)].map(([, kind]) => kind);
    expect(listed.filter((kind) => kind !== 'what').sort()).toEqual(Object.keys(REPAIRS).sort());
  });

  it('lists exactly the existing metrics, with their kinds and labels', () => {
    const rows = [...read('docs/metrics.md').matchAll(/^\| `(\w+)` \| (counter|gauge) \| ([^|]*)\| \S/gm)];
    const documented = rows.map(
      ([, name, kind, labels = '']) => `${name} ${kind} ${labels.replace(/[`,]/g, '').trim()}`,
    );
    expect(documented).toEqual(METRICS.map(({ name, kind, labels }) => `${name} ${kind} ${labels.join(' ')}`));
  });

  it('quotes log messages exactly', () => {
    const rows = [...read('docs/metrics.md').matchAll(/^\| (`[^|]*`) \| (?:info|warn|error) \| /gm)];
    const messages = rows.flatMap(([, cell = '']) => [...cell.matchAll(/`([^`…]+)…?`/g)].map(([, text]) => text ?? ''));
    expect(messages.length).toBeGreaterThan(25);
    const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(join('src', file)))
      .join('\n');
    expect(messages.filter((message) => !new RegExp(`['\`]${message}`).test(sources))).toEqual([]);
  });
});

/** Of npm, Docker, systemctl, useradd and certbot, in commands that pages show. */
const FLAGS_OF_OTHERS = [
  '--omit',
  '--init',
  '--now',
  '--system',
  '--home-dir',
  '--shell',
  '--standalone',
  '--deploy-hook',
  '--downloader',
  '--stream-segmented-queue-deadline',
];

describe('docs/glossary.md', () => {
  it('names a file for each word in which it occurs', () => {
    const plain = (text: string): string => text.toLowerCase().replace(/[\s_-]/g, '');
    const rows = [...read('docs/glossary.md').matchAll(/^\| ([^|`]+) \| [^|]{20,} \| `([^`]+)` \|$/gm)];
    expect(rows.length).toBeGreaterThan(60);
    const missing = rows.filter(([, word = '', file = '']) => {
      const path = existsSync(join(root, 'src', file)) ? `src/${file}` : file;
      return !plain(path + read(path)).includes(plain(word));
    });
    expect(missing.map(([row]) => row)).toEqual([]);
  });
});

describe('docs/limits.md', () => {
  it('names the file of each constant, in its row or at the head of its section', () => {
    const sections = read('docs/limits.md').split(/^## /m).slice(1);
    const unnamed = sections.flatMap((section) => {
      const [head = ''] = section.split('\n|');
      if (head.includes('`src/')) return [];
      return section
        .split('\n')
        .filter((row) => /\| constant/.test(row) && !/`[\w/-]+\/[\w./-]*`|`gateway\.ts`/.test(row));
    });
    expect(unnamed).toEqual([]);
    expect(sections.length).toBeGreaterThan(8);
  });
});

describe('docs/limits.md against the code', () => {
  it('gives the waits that double as the file of their row does', () => {
    const rows = [
      ...read('docs/limits.md').matchAll(/\| ([\d.]+) s, doubled up to ([\d.]+) s[^|]*\(`([\w/-]+\.ts)`\)/g),
    ];
    expect(rows.length).toBeGreaterThan(1);
    for (const [, first, last, file] of rows) {
      const numbers = [...read(`src/${file}`).matchAll(/\b\d[\d_]*\b/g)].map(([text]) =>
        Number(text.replaceAll('_', '')),
      );
      expect(numbers, file).toEqual(expect.arrayContaining([1000 * Number(first), 1000 * Number(last)]));
    }
  });
});

describe('ARCHITECTURE.md', () => {
  it('says how many files docs/ways.md lists', () => {
    const lists = [...read('docs/ways.md').matchAll(/^```\n(.*?)^```/gms)].map(([, list = '']) =>
      list.match(/\.ts\b/g),
    );
    const said = [...read('ARCHITECTURE.md').matchAll(/(?:into a playlist|to its answer) \((\d+)\)/g)];
    expect(said.map(([, count]) => Number(count))).toEqual(lists.map((list) => list?.length));
    expect(said.length).toBe(2);
  });
});

describe('docs/addresses.md', () => {
  it('has a row for every route of the HTTP server, and no row for anything else', async () => {
    const routes = new Set<string>();
    const app = Fastify();
    app.addHook('onRoute', ({ url }) => void routes.add(url));
    const dash = { manifest: () => Promise.reject(new Error('not asked for here')), time: () => undefined };
    const recordings: RecordingLibrary = {
      list: () => ({ recordings: [] }),
      isReading: false,
      find: () => undefined,
      seek: async () => undefined,
      bounds: () => undefined,
      viewersMayClip: true,
      of: () => undefined,
      clipForViewer: () => Promise.reject(new Error('not asked for here')),
      totals: () => ({ count: 0, bytes: 0 }),
      movie: () => Promise.reject(new Error('not asked for here')),
    };
    await app.register(sluiceHttp, {
      ...fakeDependencies({ dash }),
      recordings,
      events: { read: () => undefined },
      edges: { secrets: [], only: false },
    });
    await app.ready();
    await app.close();
    // As the table writes them. Of the catch-all routes below the two roots only what is more exact is an address.
    const written = [...routes]
      .filter((url) => !/^\/(?:hls|dash)\/\*$/.test(url))
      .map((url) =>
        url
          .replace(/^(\/\w+)\/:ticket\(.*?\)\/.*/, '$1/~{ticket}/…')
          .replace(/\/:file$|\/\*$/, '/…')
          .replace(/:(\w+)/g, '{$1}'),
      );
    const rows = [...read('docs/addresses.md').matchAll(/^\| (`\/[^|]+) \|/gm)];
    const listed = rows.flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path));
    expect([...new Set(written)].sort()).toEqual(listed.sort());
  });
});

describe('examples', () => {
  it('has a short README in each folder', () => {
    const folders = readdirSync(join(root, 'examples'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const { name } of folders) {
      expect(read('examples/README.md')).toContain(`](${name}/)`);
      expect(read(`examples/${name}/README.md`).trim().split('\n').length).toBeLessThanOrEqual(12);
    }
  });
});

describe('documents', () => {
  it.each(pages)('%s has no dead relative link', (page) => {
    const dead = relativeLinks(read(page)).filter((link) => {
      const [path = ''] = link.split('#');
      return !existsSync(join(root, dirname(page), decodeURIComponent(path)));
    });
    expect(dead).toEqual([]);
  });

  it('the package holds every document that one of its documents links to', () => {
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    const packed = (path: string): boolean => files.some((entry) => path === entry || path.startsWith(`${entry}/`));
    const linked = pages
      .filter(packed)
      .flatMap((page) => relativeLinks(read(page)).map((link) => posix.join(dirname(page), link.split('#')[0] ?? '')));
    expect(linked.filter((path) => path !== '.' && /\.(md|png)$|LICENSE/.test(path) && !packed(path))).toEqual([]);
  });

  it.each([...manual, 'ARCHITECTURE.md', 'CONTRIBUTING.md'])('%s names only source files that exist', (page) => {
    const named = [...read(page).matchAll(/`((?:src|test|public|docs)\/[\w./-]*|[\w./-]+\.ts)`/g)].map(
      ([, path = '']) => path,
    );
    const dead = named.filter((path) => ![path, `src/${path}`].some((candidate) => existsSync(join(root, candidate))));
    expect(dead).toEqual([]);
  });

  it('README.md and CONTRIBUTING.md name only npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [
      ...`${read('README.md')}${read('CONTRIBUTING.md')}`.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g),
    ].map(([, run, short]) => run ?? short);
    expect(named).toEqual(expect.arrayContaining(['demo', 'start', 'test']));
    for (const name of named) expect(scripts).toHaveProperty([name ?? '']);
  });

  it.each(manual)('%s names only command line options and environment variables that exist', (page) => {
    const flags = [
      ...OPTIONS.map(({ flag }) => flag),
      '--config',
      '--help',
      '--version',
      ...SIGN_FLAGS,
      ...KEY_FLAGS,
      ...RECORDING_FLAGS,
      ...TOKEN_FLAGS,
      ...TARGET_FLAGS,
      ...FLAGS_OF_OTHERS,
    ];
    const variables = [...OPTIONS.flatMap(({ environment }) => environment), CONFIG_FILE_VARIABLE];
    const text = read(page);
    const named = [
      ...text.matchAll(/(?<![\w-])--[a-z][a-z0-9-]*/g),
      ...text.matchAll(/\bSLUICE_[A-Z0-9_]*[A-Z]\b/g),
    ].map(([name]) => name);
    expect(named.filter((name) => !flags.includes(name) && !variables.includes(name))).toEqual([]);
  });
});
