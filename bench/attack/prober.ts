// Requests a small answer from the gateway again and again, in its own process so that the attackers do not delay it: a viewer would notice the same
// response times.
import { Agent, get } from 'node:http';

export interface ProbeReport {
  readonly answers: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  readonly failures: number;
}

const EVERY = 30;
/**
 * Least number of answers to report. After a very short attack, probing continues until there are enough, because p99 of two answers means nothing.
 */
const LEAST_ANSWERS = 40;

const [, , url] = process.argv;
if (url === undefined) throw new Error('the address to request is missing');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let times: number[] = [];
let failures = 0;

function probe(): Promise<void> {
  return new Promise((resolve) => {
    const began = performance.now();
    get(url ?? '', { agent }, (answer) => {
      answer.resume().on('end', () => {
        times.push(performance.now() - began);
        resolve();
      });
    }).on('error', () => {
      failures++;
      resolve();
    });
  });
}

let isAsked = false;

process.on('message', (word) => {
  if (word === 'reset') forget();
  else {
    isAsked = true;
    report();
  }
});

function forget(): void {
  times = [];
  failures = 0;
}

/** Sends the report if it was requested and there are enough answers. */
function report(): void {
  if (!isAsked || times.length + failures < LEAST_ANSWERS) return;
  isAsked = false;
  const sorted = times.sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  const message: ProbeReport = { answers: sorted.length, p50: at(0.5), p99: at(0.99), longest: at(1), failures };
  forget();
  process.send?.(message);
}
process.on('disconnect', () => process.exit());
for (;;) {
  await probe();
  report();
  await new Promise((resolve) => setTimeout(resolve, EVERY));
}
