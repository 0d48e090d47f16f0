// Requests a small answer from the gateway again and again, in its own process so that the attackers do not delay it: the response time is
// what a viewer would notice.
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
/** An attack of a moment is judged with the second after it: of two answers, p99 says nothing. */
const LEAST_ANSWERS = 40;

const [, , url] = process.argv;
if (url === undefined) throw new Error('the address to ask is missing');
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

/** When there is enough to report. */
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
