// docs/api.md promises that its programs run. Each is run here unchanged, except that ports come from the kernel and the directory is
// temporary.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { buildProgram } from '../support/built-program.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

interface Snippet {
  readonly title: string;
  readonly language: string;
  readonly prints: RegExp;
  readonly code: string;
}

const text = readFileSync(join(root, 'docs/api.md'), 'utf8');
const snippets: Snippet[] = [...text.matchAll(/<!-- prints: (.*) -->\n```(js|cjs)\n([\s\S]*?)```/g)].map(
  ([whole, prints = '', language = '', code = '']) => ({
    title: [...text.slice(0, text.indexOf(whole)).matchAll(/^## (.*)$/gm)].at(-1)?.[1] ?? '',
    language,
    prints: new RegExp(prints),
    code: code.replace(/\b(1935|8080|3000)\b/g, '0'),
  }),
);

describe('docs/api.md', () => {
  it('says for each program what it prints', () => {
    expect(snippets).toHaveLength([...text.matchAll(/^```\w/gm)].length);
    expect(snippets.length).toBeGreaterThanOrEqual(5);
  });

  it.each(snippets)(
    '$title: prints what the page says, and ends cleanly on SIGTERM',
    async ({ language, prints, code }) => {
      const directory = await temporaryDirectory();
      mkdirSync(join(directory, 'node_modules'));
      symlinkSync(await buildProgram(), join(directory, 'node_modules/sluice'));
      const require = createRequire(join(root, 'package.json'));
      symlinkSync(dirname(require.resolve('fastify')), join(directory, 'node_modules/fastify'));
      const file = join(directory, language === 'cjs' ? 'program.cjs' : 'program.mjs');
      writeFileSync(file, code);
      const program = spawn(process.execPath, [file], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
      onTestFinished(() => {
        program.kill('SIGKILL');
      });
      const ended = once(program, 'close');
      const output = await printed(program.stdout, program.stderr, prints);
      expect(output).toMatch(prints);
      program.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    },
  );
});

/** The output up to the expected text or, if that never comes, the whole output with stderr. */
async function printed(
  stdout: NodeJS.ReadableStream,
  stderr: NodeJS.ReadableStream,
  expected: RegExp,
): Promise<string> {
  let complaints = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  let output = '';
  for await (const text of stdout.setEncoding('utf8')) {
    output += text;
    if (expected.test(output)) return output;
  }
  return output + complaints;
}
