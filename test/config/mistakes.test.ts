// Mistakes of operators, each with the exact message: what is wrong, where (file, line, entry), and what to do.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, loadConfigWithWarnings } from '../../src/config/load-config.js';
import { runProgram } from '../support/processes.js';
import { FILES } from './file-mistakes.js';

const cwd = mkdtempSync(join(tmpdir(), 'sluice-mistakes-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

function messageOf(argv: string[], env: Record<string, string> = {}): string {
  try {
    loadConfig({ argv, env, cwd });
  } catch (error) {
    return error instanceof Error ? error.message.split('\n  ').slice(1).join('\n') : String(error);
  }
  return 'no problem';
}

function messageOfFile(text: string | Buffer): string {
  writeFileSync(join(cwd, 'sluice.yaml'), text);
  return messageOf(['--config', 'sluice.yaml']);
}

describe('a configuration file with', () => {
  it.each(FILES)('%s', (_, text, message) => {
    expect(messageOfFile(text)).toBe(message);
  });

  it('limits the message to 20 lines if there are very many problems', () => {
    const message = messageOfFile(Array.from({ length: 100_000 }, (_, i) => `k${i}: 1\n`).join(''));
    expect(message.split('\n')).toHaveLength(20);
    expect(message).toMatch(/^sluice\.yaml:1 k0: unknown key\n/);
  });
});

describe('a file that is not a configuration file', () => {
  it.each<[string, string | Buffer, string]>([
    [
      'UTF-16, as editors of Windows write it',
      Buffer.from('\ufeffhost: a', 'utf16le'),
      'its text is UTF-16; save it as UTF-8',
    ],
    [
      'in another encoding',
      Buffer.from('host: caf\xe9', 'latin1'),
      'its text is not UTF-8; if it is a YAML file, save it as UTF-8',
    ],
    ['a program', Buffer.from('\x7fELF\0'), 'it holds a zero byte, expected a YAML file'],
    ['huge', Buffer.alloc(2_000_000, '#'), 'it is longer than 1024 kB'],
  ])('%s', (_, text, reason) => {
    expect(messageOfFile(text)).toBe(`sluice.yaml: cannot read the configuration file (${reason})`);
  });

  it.each<[string, string]>([
    ['/dev/zero', 'it is a device, expected a YAML file'],
    ['pipe', 'it is a named pipe, expected a YAML file'],
    ['directory', 'it is a directory, expected a YAML file'],
    ['none.yaml', 'ENOENT, no such file or directory'],
    ['sluice.yaml/x', 'ENOTDIR, a file is in the place of a directory'],
  ])('%s', async (path, reason) => {
    writeFileSync(join(cwd, 'sluice.yaml'), '');
    if (path === 'directory') mkdirSync(join(cwd, path));
    if (path === 'pipe') await runProgram('/usr/bin/mkfifo', [join(cwd, path)]);
    expect(messageOf(['--config', path])).toBe(`${path}: cannot read the configuration file (${reason})`);
  });

  it('accepts /dev/null as an empty file', () => {
    expect(messageOf(['--config', '/dev/null'])).toBe('no problem');
  });
});

describe('a command line with', () => {
  it.each<[string[], string]>([
    [['--http-port'], '--http-port: needs a value, --http-port PORT'],
    [['-p', '80'], '-p: unknown option'],
    [['--httpPort', '80'], '--httpPort: unknown option; did you mean --http-port?'],
    [['http-port=80'], '"http-port=80": unexpected argument, options start with --'],
    [
      ['--ladder', 'source 720p'],
      '--ladder, entry 1: got "source 720p", expected source, audio or an even height from 64p to 4320p, such as 720p',
    ],
    [
      ['--ladder', 'source,720p,'],
      '--ladder, entry 3: got "", expected source, audio or an even height from 64p to 4320p, such as 720p',
    ],
    [
      ['--state-dir', 'media'],
      '--state-dir: the directory of the publish key lies in the media directory (mediaDir (default)), where it could be served',
    ],
    [['--users', 'anna'], '--users: unknown option'],
  ])('%j', (argv, message) => {
    expect(messageOf(argv)).toBe(message);
  });

  it.each<[string[], string[]]>([
    [['--http-port', '80', '--http-port=81'], ['--http-port is given more than once: "81" counts']],
    [
      ['--publish-key', 'abc', '--publish-key', 'def'],
      ['--publish-key is given more than once: the last value counts'],
    ],
    [
      ['--tls-cert', 'a.pem', '--tls-key', 'b.pem'],
      ['cert', 'key'].map(
        (name) => `--tls-${name} does nothing: set httpsPort or rtmpsPort too, or nothing speaks TLS`,
      ),
    ],
    [
      ['--slate', 'away.png', '--resume-window', '0'],
      ['--slate does nothing: no stream waits for its publisher (--resume-window is 0)'],
    ],
    [['--http-port', '80'], []],
  ])('%j causes a warning that it is probably not meant', (argv, warnings) => {
    expect(loadConfigWithWarnings({ argv, env: {}, cwd }).warnings).toEqual(warnings);
  });
});

it('names the variable and its entry', () => {
  expect(messageOf([], { SLUICE_LADDER: 'source,4k', SLUICE_HTTPPORT: '80' })).toBe(
    [
      'SLUICE_HTTPPORT: unknown environment variable; did you mean SLUICE_HTTP_PORT?',
      'SLUICE_LADDER, entry 2: got "4k", expected source, audio or an even height from 64p to 4320p, such as 720p',
    ].join('\n'),
  );
});
