// Messages that must arrive: in the order of their lane, despite failures of the server, the disk and the process, in bounded memory.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Outbox, type OutboxOptions } from '../../src/events/outbox/outbox.js';
import type { OutboxMessage } from '../../src/events/outbox/outbox-lines.js';
import { ManualClock } from '../support/manual-clock.js';
import { temporaryDirectory } from '../support/temp-dir.js';

function message(id: string, lane = id, body = `body of ${id}`): OutboxMessage {
  return { id, lane, at: Date.UTC(2026, 0, 2, 3, 4, 5), body };
}

/** The answer of the server; by default it accepts everything. */
type Answer = (message: OutboxMessage) => number | Promise<number>;

async function open(path: string | undefined, answer: Answer = () => 200, options: Partial<OutboxOptions> = {}) {
  const clock = new ManualClock();
  const posted: string[] = [];
  const lines: string[] = [];
  const write = (fields: object, text: string): void => void lines.push(`${text} ${JSON.stringify(fields)}`);
  const outbox = await Outbox.open({
    ...{ path, clock, logger: { debug: write, info: write, warn: write, error: write } },
    post: async (sent) => {
      const status = await answer(sent);
      posted.push(sent.id);
      return status;
    },
    ...options,
  });
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    const closed = outbox.close();
    clock.advance(300);
    await closed;
  };
  onTestFinished(close);
  const delivered = (count: number) => expect.poll(() => outbox.figures.delivered).toBe(count);
  return { outbox, clock, posted, lines, close, delivered };
}

/** A logger that throws at its first warning. */
function failingOnce(): OutboxOptions['logger'] {
  let isFirst = true;
  const nothing = (): void => undefined;
  const warn = (): void => {
    if (!isFirst) return;
    isFirst = false;
    throw new TypeError('injected');
  };
  return { debug: nothing, info: nothing, warn, error: nothing };
}

const newFile = async (): Promise<string> => join(await temporaryDirectory(), 'outbox.jsonl');
const never: Answer = () => new Promise(() => undefined);

describe('an outbox', () => {
  it('delivers the messages of a lane in order, and a refused message does not delay other lanes', async () => {
    let isRefusing = true;
    const { outbox, clock, posted, delivered } = await open(undefined, ({ id }) =>
      id === 'a1' && isRefusing ? 400 : 200,
    );
    for (const id of ['a1', 'a2', 'b1', 'b2']) outbox.push(message(id, id.slice(0, 1)));
    await delivered(2);
    expect(posted.filter((id) => id.startsWith('a'))).toEqual(['a1']);
    isRefusing = false;
    clock.advance(1_000);
    await delivered(4);
    expect(posted).toEqual(['a1', 'b1', 'b2', 'a1', 'a2']);
    expect(outbox.figures).toEqual({ waiting: 0, delivered: 4, dropped: 0 });
  });

  it('retries with growing pauses while the server is down, and gives up a message after a day', async () => {
    let tries = 0;
    const { outbox, clock, lines } = await open(undefined, () => {
      tries += 1;
      throw new Error('connection refused');
    });
    outbox.push(message('a'));
    for (const [index, pause] of [1_000, 2_000, 5_000, 10_000].entries()) {
      await expect.poll(() => clock.pending).toEqual([pause]);
      expect(tries).toBe(index + 1);
      clock.advance(pause);
    }
    await expect.poll(() => clock.pending).toEqual([30_000]);
    clock.advance(86_400_000);
    await expect.poll(() => clock.pending).toEqual([60_000]);
    clock.advance(60_000);
    await expect.poll(() => outbox.figures).toEqual({ waiting: 0, delivered: 0, dropped: 1 });
    expect(lines.at(-1)).toContain('a message is given up');
  });

  it('attempts every message of an earlier process, even if it is older than a day', async () => {
    const path = await newFile();
    const killed = await open(path, never);
    await killed.outbox.promise(message('promised'));
    killed.outbox.push(message('due'));
    await expect.poll(() => readFile(path, 'utf8')).toContain('"due"');
    const tried: string[] = [];
    const late = new ManualClock();
    late.wallClockOffset += 2 * 86_400_000;
    const next = await open(
      path,
      ({ id }) => {
        tried.push(id);
        return 400;
      },
      { clock: late },
    );
    // The one that was pushed has had its day; that of the promised one begins now.
    await expect.poll(() => next.outbox.figures).toEqual({ waiting: 1, delivered: 0, dropped: 1 });
    await expect.poll(() => tried.sort()).toEqual(['due', 'promised']);
  });

  it('delivers after a kill the pushed and promised messages, and none that was withdrawn or delivered', async () => {
    const path = await newFile();
    const killed = await open(path, (sent) => (sent.id === 'delivered' ? 200 : never(sent)));
    killed.outbox.push(message('delivered'));
    await killed.delivered(1);
    for (const id of ['promised', 'withdrawn', 'ended']) await killed.outbox.promise(message(id));
    killed.outbox.withdraw('withdrawn');
    killed.outbox.push(message('ended', 'ended', 'how it ended'));
    await expect.poll(() => readFile(path, 'utf8')).toContain('how it ended');
    const bodies: string[] = [];
    const next = await open(path, ({ body }) => {
      bodies.push(body);
      return 200;
    });
    await next.delivered(2);
    expect(bodies.sort()).toEqual(['body of promised', 'how it ended']);
    await next.close();
    expect(await readFile(path, 'utf8')).toBe('');
  });

  it('loses no message whose line is complete, wherever a killed process has left the file', async () => {
    const path = await newFile();
    const first = await open(path, never);
    const ids = Array.from({ length: 12 }, (_, i) => `m${i}`);
    for (const id of ids) await first.outbox.promise(message(id));
    for (const id of ids.slice(0, 6)) first.outbox.push(message(id, id, `end of ${id}`));
    await expect.poll(() => readFile(path, 'utf8')).toContain('end of m5');
    const whole = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length }), async (length) => {
        await writeFile(path, whole.subarray(0, length));
        const complete = whole.subarray(0, length).toString().split('\n').slice(0, -1);
        const expected = new Set(complete.map((line) => /"id":"(m\d+)"/.exec(line)?.[1]));
        const { outbox, posted, close } = await open(path);
        await expect.poll(() => outbox.figures.waiting).toBe(0);
        await close();
        expect(new Set(posted)).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it('keeps no more bytes than its limit: promised messages are dropped first, then the oldest', async () => {
    const { outbox } = await open(undefined, () => new Promise(() => undefined), { maxBytes: 10_000 });
    for (let i = 0; i < 5; i++) await outbox.promise(message(`promised-${i}`));
    for (let i = 0; i < 100; i++) outbox.push(message(`due-${i}`, 'lane', 'x'.repeat(790)));
    // Each counts as slightly more than 1000 bytes.
    expect(outbox.figures).toEqual({ waiting: 9, delivered: 0, dropped: 91 });
  });

  it('continues after an internal error, and delivers that message later', async () => {
    let isFailing = true;
    const { outbox, clock, posted, delivered, lines } = await open(
      undefined,
      ({ id }) => {
        if (id === 'a' && isFailing) throw new Error('no answer');
        return 200;
      },
      { logger: failingOnce() },
    );
    outbox.push(message('a'));
    isFailing = false;
    outbox.push(message('b'));
    await delivered(1);
    clock.advance(1_000);
    await delivered(2);
    expect(posted).toEqual(['b', 'a']);
    expect(lines).toEqual([]);
  });

  it('rewrites its file when most of its messages are done', async () => {
    const path = await newFile();
    const { outbox, delivered } = await open(path);
    const body = 'x'.repeat(10_000);
    for (let i = 0; i < 400; i++) {
      await outbox.promise(message(`m${i}`, `m${i}`, body));
      outbox.push(message(`m${i}`, `m${i}`, body));
    }
    await delivered(400);
    // 8 MB were written.
    await expect.poll(async () => (await readFile(path)).length).toBeLessThan(2 * 1024 * 1024);
  });

  it('delivers from memory while the disk fails, reports it once, and has all messages in the file when the disk works again', async () => {
    const directory = await temporaryDirectory();
    const path = join(directory, 'absent', 'outbox.jsonl');
    const { outbox, clock, lines, delivered } = await open(path, ({ id }) => (id === 'kept' ? 400 : 200));
    for (const id of ['kept', 'a', 'b']) outbox.push(message(id));
    await delivered(2);
    expect(lines.filter((line) => line.includes('events.outbox'))).toHaveLength(1);
    await mkdir(join(directory, 'absent'));
    clock.advance(10_000);
    await expect.poll(() => readFile(path, 'utf8').catch(() => '')).toContain('"kept"');
  });
});
