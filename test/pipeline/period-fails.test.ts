// A period cannot begin, either because of the publisher's media, which ends that publisher, or because of a bug, which is logged as a bug.
import { expect, it } from 'vitest';
import { pipelineError } from '../../src/pipeline/errors.js';
import type { SluiceError } from '../../src/protocols/errors.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { setUp } from './pipeline-under-test.js';

async function beginWith(failure: Error) {
  const source = await makeFlvSource({ seconds: 2 });
  const broken: SluiceError[] = [];
  const tested = setUp({
    presentation: () => {
      throw failure;
    },
    onBroken: (error) => broken.push(error),
  });
  const { stream, publish, pipeline, failed, lines } = tested;
  stream.publish('video', 0, source.videoHeader);
  stream.publish('audio', 0, source.audioHeader);
  publish(source.media);
  // The publisher gets the reason in both cases.
  const told = await failed;
  await pipeline.end();
  return { told, broken, lines: lines.filter(({ level }) => level === 'error' || level === 'warn') };
}

it('logs a bug at its beginning with its stack, counts it, and informs the publisher', async () => {
  const failure = new TypeError('a bug');
  const { told, broken, lines } = await beginWith(failure);
  expect(told.code).toBe('pipeline.failed');
  expect(broken).toEqual([told]);
  expect(lines.map(({ level, fields }) => [level, fields.where, fields.err])).toEqual([
    ['error', 'publisher decided', failure],
  ]);
});

it('reports a typed error unchanged, and does not count it as a bug', async () => {
  const failure = pipelineError('pipeline.nothing-to-serve', 'this cannot be served');
  const { told, broken, lines } = await beginWith(failure);
  expect(told).toBe(failure);
  expect(broken).toEqual([]);
  expect(lines.map(({ level, fields }) => [level, fields.code])).toEqual([['warn', 'pipeline.nothing-to-serve']]);
});
