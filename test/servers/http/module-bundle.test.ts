// A script that is bundled from several modules must behave like the modules.

import { describe, expect, it } from 'vitest';
import { bundleModules } from '../../../src/servers/http/pages/module-bundle.js';

function bundle(modules: Readonly<Record<string, string>>): string {
  return bundleModules('main.js', (path) => modules[path]);
}

describe('bundleModules', () => {
  it('runs each module once, in its own scope, before those that import it', () => {
    const ran: string[] = [];
    const script = bundle({
      'main.js':
        "import { a } from './a.js';\nimport { b, count as seen } from './deep/b.js';\nlog('main ' + a() + b + seen());\n",
      'a.js':
        "import { next } from './deep/count.js';\nconst hidden = 'a';\nlog('a');\nexport function a() {\n  return hidden + next();\n}\n",
      'deep/b.js':
        "import { next } from './count.js';\nconst hidden = 'b';\nlog('b');\nexport const b = hidden;\nexport function count() {\n  return next();\n}\n",
      'deep/count.js': "let value = 0;\nlog('count');\nexport function next() {\n  value += 1;\n  return value;\n}\n",
    });
    new Function('log', script)((text: string) => ran.push(text));
    expect(ran).toEqual(['count', 'a', 'b', 'main a1b2']);
  });

  it('keeps the import of other modules, at the top, relative to the bundle', () => {
    const script = bundle({ 'main.js': "import { Hls } from './vendor/hls.mjs';\nnew Hls();\n" });
    expect(script).toMatch(/^import \* as (\w+) from '\.\.\/vendor\/hls\.mjs';\n[\s\S]*const \{ Hls \} = \1;/);
  });

  it.each([
    ['a cycle', { 'main.js': "import { a } from './a.js';\n", 'a.js': "import { b } from './main.js';\n" }],
    ['a default import', { 'main.js': "import a from './a.js';\n", 'a.js': '' }],
    ['a list of exports', { 'main.js': 'const a = 1;\nexport { a };\n' }],
  ])('refuses %s', (_what, modules) => {
    expect(() => bundle(modules)).toThrow(/public\/\w+\.js/);
  });
});
