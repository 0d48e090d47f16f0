// Nobody should have to know what ENOTDIR means, and what did not come from the system must not be taken for its errors.
import { lstat, mkdir, open, rmdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { expect, it } from 'vitest';
import { accessError } from '../../src/access/errors.js';
import { listenReason, systemCode, systemReason } from '../../src/protocols/system-error.js';

const failureOf = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

it('describes the system error in words', async () => {
  const reasons = [mkdir('/etc/passwd'), open('/etc', 'w'), mkdir('/etc/passwd/x'), rmdir('/proc')].map(failureOf);
  expect((await Promise.all(reasons)).map(systemReason)).toEqual([
    'EEXIST, something else has this name already',
    'EISDIR, a directory is in the place of a file',
    'ENOTDIR, a file is in the place of a directory',
    'EBUSY, in use by the system',
  ]);
});

it('has a text for every code, that of Node if there is no better one', () => {
  for (const [code, errno] of Object.entries(constants.errno)) {
    const error = Object.assign(new Error(`${code}: some words of Node, open '/x'`), { code, errno: -errno });
    expect(systemReason(error)).toMatch(new RegExp(`^${code}, [a-z].{5,}`));
  }
  expect(systemReason(Object.assign(new Error('listen ECANCELED'), { code: 'ECANCELED' }))).toBe(
    'ECANCELED, refused by the system',
  );
});

it('does not mistake our own errors or those of Node for system errors', async () => {
  const own = accessError('access.key-file', 'the words that matter');
  expect(systemCode(own)).toBeUndefined();
  expect(systemReason(own)).toBe('the words that matter');
  expect(systemCode(Object.assign(new Error('again'), { code: 'ERR_SERVER_ALREADY_LISTEN' }))).toBeUndefined();
  expect(systemCode(Object.assign(new Error('again'), { code: 'FST_ERR_REOPENED_SERVER' }))).toBeUndefined();
  expect(systemCode(await failureOf(lstat('/none')))).toBe('ENOENT');
});

it('says what a low port requires', () => {
  const refused = Object.assign(new Error('listen EACCES: permission denied 0.0.0.0:80'), { code: 'EACCES' });
  expect(listenReason(refused, 80)).toContain('CAP_NET_BIND_SERVICE');
  expect(listenReason(refused, 8080)).toBe('EACCES, not permitted');
});
