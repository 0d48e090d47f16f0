// docs/access.md shows how other languages make play tokens. These tests check its test vector, and run its programs in the languages that are
// installed.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createPlayToken, readPlayToken } from '../../src/access/tickets/play-token.js';
import { SigningKeys } from '../../src/access/tickets/signing-keys.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const page = readFileSync(new URL('../../docs/access.md', import.meta.url), 'utf8');
const SECRET = '0123456789abcdef0123456789abcdef';
const keys = new SigningKeys([Buffer.from(SECRET)]);
const code = (language: string): string => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? '';
const has = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

interface Language {
  readonly name: string;
  readonly isThere: boolean;
  readonly run: (directory: string) => { readonly command: string; readonly args: readonly string[] };
}

const CALL = `play_token("${SECRET}", "live/cam", 3600)`;
const GO_HEAD = 'package main\nimport ("crypto/hmac"; "crypto/sha256"; "encoding/base64"; "fmt"; "time")\n';

const LANGUAGES: readonly Language[] = [
  {
    name: 'python',
    isThere: has('python3', '--version'),
    run: () => ({ command: 'python3', args: ['-c', `${code('python')}\nprint(${CALL})`] }),
  },
  {
    name: 'php',
    isThere: has('php', '--version'),
    run: () => ({ command: 'php', args: ['-r', `${code('php')}\necho ${CALL};`] }),
  },
  {
    name: 'go',
    isThere: has('go', 'version'),
    run: (directory) => {
      mkdirSync(join(directory, 'go'));
      const file = join(directory, 'go/main.go');
      writeFileSync(
        file,
        `${GO_HEAD}${code('go')}\nfunc main() { fmt.Print(playToken("${SECRET}", "live/cam", 3600)) }\n`,
      );
      return { command: 'go', args: ['run', file] };
    },
  },
];

describe('docs/access.md', () => {
  it('has the test vector that the gateway itself produces', () => {
    const claims = { stream: 'live/cam', until: 1_800_007_200, sid: 'session-1' };
    expect(page).toContain(`\n${createPlayToken(claims, keys)}\n`);
  });

  it('needs at most 15 lines in each language', () => {
    for (const { name } of LANGUAGES) expect(code(name).trim().split('\n').length, name).toBeLessThanOrEqual(15);
  });

  // Only installed languages. The CI machine has at least Python.
  it.each(LANGUAGES.filter(({ isThere }) => isThere))(
    'makes tokens in $name that the gateway accepts',
    async ({ run }) => {
      const { command, args } = run(await temporaryDirectory());
      const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
      const read = readPlayToken(stdout.trim(), keys, Date.now(), 0);
      expect(read, stderr).toMatchObject({ ok: true, claims: { stream: 'live/cam' } });
    },
  );
});
