// The list in docs/interop.md is worth something only while every line of it is proved where it says.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

interface Row {
  readonly id: string;
  readonly files: readonly string[];
  readonly reason: string | undefined;
}

function rows(): Row[] {
  return [...read('docs/interop.md').matchAll(/^\| ([AC]\d\.\d\d) \| [^|]+ \| ([^|]+) \|$/gm)].map(
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
  return new Set(texts.flatMap((text) => text.match(/\b(?:A[1-9]|C[23])\.\d\d\b/g) ?? []));
}

describe('docs/interop.md', () => {
  it('numbers its lines without a gap', () => {
    const sections = new Map<string, number>();
    for (const { id } of rows()) {
      const [section = '', number] = id.split('.');
      expect([id, Number(number)]).toEqual([id, (sections.get(section) ?? 0) + 1]);
      sections.set(section, Number(number));
    }
    expect([...sections.keys()]).toEqual(['A1', 'A2', 'A3', 'A4', 'A5', 'A6', 'A7', 'A8', 'A9', 'C2', 'C3']);
    expect(rows().length).toBeGreaterThanOrEqual(151);
  });

  it('names for each line tests that bear its id, or says why there is none', () => {
    for (const { id, files, reason } of rows()) {
      expect([id, files.length > 0 !== (reason !== undefined)]).toEqual([id, true]);
      for (const file of files) {
        expect([id, file, existsSync(new URL(file, root))]).toEqual([id, file, true]);
        expect([id, file, idsIn(file).has(id)]).toEqual([id, file, true]);
      }
    }
  });

  it('has a line for every id that tests bear', () => {
    const known = new Set(rows().map(({ id }) => id));
    const tests = readdirSync(new URL('test/', root), { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.ts'),
    );
    const borne = new Set(tests.flatMap((path) => [...idsIn(`test/${path}`)]));
    // C3.09 and on are about viewers, the API and the machine: not of this document.
    const missing = [...borne].filter((id) => !known.has(id) && !(id.startsWith('C3.') && id >= 'C3.09'));
    expect(missing).toEqual([]);
  });
});
