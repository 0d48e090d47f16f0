// Keys of the gateway must not reach a process that parses hostile media.
import { expect, it } from 'vitest';
import { childEnvironment } from '../../src/transcode/child-environment.js';

it('passes on only the variables that are needed to find and load a program', () => {
  const environment = {
    PATH: '/usr/bin',
    LD_LIBRARY_PATH: '/opt/lib',
    HOME: undefined,
    SLUICE_PUBLISH_KEY: 'secret',
    AWS_SECRET_ACCESS_KEY: 'secret',
    FFREPORT: 'file=/tmp/x',
    LD_PRELOAD: '/tmp/evil.so',
  };
  expect(childEnvironment(environment)).toEqual({ PATH: '/usr/bin', LD_LIBRARY_PATH: '/opt/lib' });
});
