// Decides when the things that a helper has started are ended: after the test that called it or, in `beforeAll`, after the last test of the file.
import { onTestFinished } from 'vitest';

type End = () => unknown;

let endsOfFile: End[] | undefined;

/** `end` is called when the test is over; within `forAllTests`, when the last test of the file is. */
export function whenOver(end: End): void {
  if (endsOfFile === undefined) onTestFinished(async () => void (await end()));
  else endsOfFile.push(end);
}

/** For `beforeAll`, which calls the returned function after the last test. Everything that `start` starts runs until then. */
export function forAllTests(start: () => Promise<void>): () => Promise<() => Promise<void>> {
  return async () => {
    const ends: End[] = [];
    endsOfFile = ends;
    const end = async (): Promise<void> => {
      for (const each of ends.reverse()) await each();
    };
    try {
      await start();
    } catch (error) {
      await end();
      throw error;
    } finally {
      endsOfFile = undefined;
    }
    return end;
  };
}
