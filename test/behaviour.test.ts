// docs/behaviour.md must stay true: the tests named in each line must have its id, and every id in the repository must have a line.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const ID = /\b[A-EGH]\d\.\d\d\b/g;

interface Row {
  readonly id: string;
  readonly files: readonly string[];
  readonly reason: string | undefined;
}

/** Five cells, none of them empty: id, stimulus, reaction, source, tests. */
function rows(): Row[] {
  return [...read('docs/behaviour.md').matchAll(/^\| ([A-EGH]\d\.\d\d) (?:\| [^|]{3,} ){3}\| ([^|]+) \|$/gm)].map(
    ([, id = '', where = '']) => ({
      id,
      files: [...where.matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path),
      reason: /^not tested: (\S.{20,})$/.exec(where)?.[1],
    }),
  );
}

/** Ids in the texts of a test file (names of tests and of the rows of their tables), comments left out. */
function idsIn(path: string): Set<string> {
  const code = read(path).replace(/^\s*(?:\/\/|\*|\/\*\*).*$/gm, '');
  const texts = [...code.matchAll(/(['`])((?:(?!\1)[^\n\\]|\\.)*)\1/g)].map(([, , text = '']) => text);
  return new Set(texts.flatMap((text) => text.match(ID) ?? []));
}

/** All text files of the repository. */
function filesOfTheRepository(): string[] {
  const below = ['src', 'test', 'docs', 'bench', 'public', 'deploy', 'examples', 'scripts'].flatMap((directory) =>
    readdirSync(new URL(`${directory}/`, root), { recursive: true, encoding: 'utf8' }).map(
      (path) => `${directory}/${path}`,
    ),
  );
  const top = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'];
  return [...top, ...below].filter((path) => /\.(?:ts|js|mjs|md|conf|yaml)$/.test(path));
}

describe('docs/behaviour.md', () => {
  it('numbers its lines in order', () => {
    const sections = new Map<string, number>();
    for (const { id } of rows()) {
      const [section = '', number] = id.split('.');
      const last = sections.get(section) ?? 0;
      // What an operator meets (D, E, G, H) has its numbers from a longer list.
      if (/^[DEGH]/.test(section)) expect([id, Number(number) > last]).toEqual([id, true]);
      else expect([id, Number(number)]).toEqual([id, last + 1]);
      sections.set(section, Number(number));
    }
    const named = ['A1', 'A2', 'A3', 'A4', 'A5', 'A6', 'A7', 'A8', 'A9', 'B1', 'B2', 'B3', 'B4', 'C2', 'C3', 'C4'];
    expect([...sections.keys()].filter((section) => /^[ABC]/.test(section))).toEqual(named);
    expect(rows().length).toBeGreaterThanOrEqual(224);
  });

  it('names tests with its id for each line, or says why there is none', () => {
    for (const { id, files, reason } of rows()) {
      expect([id, files.length > 0 !== (reason !== undefined)]).toEqual([id, true]);
      for (const file of files) {
        expect([id, file, existsSync(new URL(file, root))]).toEqual([id, file, true]);
        expect([id, file, idsIn(file).has(id)]).toEqual([id, file, true]);
      }
    }
  });

  it('explains every id that occurs in the repository', () => {
    const explained = new Set(rows().map(({ id }) => id));
    const unexplained = filesOfTheRepository().flatMap((path) =>
      (read(path).match(ID) ?? []).filter((id) => !explained.has(id)).map((id) => `${path}: ${id}`),
    );
    expect(unexplained).toEqual([]);
  });
});
