// Runs a command in this process. The test reads its output and sends its signals.
import { onTestFinished } from 'vitest';
import type { HeldSignal } from '../../src/cli/held-signals.js';
import type { CommandIo } from '../../src/cli/io.js';
import { main } from '../../src/cli/main.js';
import { temporaryDirectory } from '../support/temp-dir.js';

export interface CommandRun {
  readonly cwd: string;
  /** Resolves to the exit status. */
  readonly status: Promise<number>;
  /** Statuses the command asked the process to exit with at once. */
  readonly exits: number[];
  stdout(): string;
  stderr(): string;
  /** The JSON records on stdout. */
  records(): { msg: string; [field: string]: unknown }[];
  signal(name: string): void;
  /** Sends a signal that does not end the process, such as SIGHUP. */
  heldSignal(name: HeldSignal): void;
  /** Acts like an uncaught exception. */
  fatal(error: unknown): void;
  /** Resolves to the `ready` record. @throws if the command ends without one. */
  ready(): Promise<{ rtmp: string; http: string }>;
}

export async function runCommand(
  argv: readonly string[],
  setup: { env?: Record<string, string>; cwd?: string; isTTY?: boolean; secret?: string } = {},
): Promise<CommandRun> {
  const cwd = setup.cwd ?? (await temporaryDirectory());
  const exits: number[] = [];
  let stdout = '';
  let stderr = '';
  let listener: ((signal: string) => void) | undefined;
  let heldListener: ((signal: HeldSignal) => void) | undefined;
  let fatalListener: ((error: unknown, origin: string) => void) | undefined;
  const io: CommandIo = {
    stdout: {
      isTTY: setup.isTTY ?? false,
      write: (text) => {
        stdout += text;
      },
    },
    stderr: {
      write: (text) => {
        stderr += text;
      },
    },
    env: setup.env ?? {},
    cwd,
    readSecret: async () => setup.secret ?? '',
    onStopSignal: (given) => {
      listener = given;
      return () => {
        listener = undefined;
      };
    },
    onHeldSignal: (given) => {
      heldListener = given;
      return () => {
        heldListener = undefined;
      };
    },
    onFatalError: (given) => {
      fatalListener = given;
      return () => {
        fatalListener = undefined;
      };
    },
    exit: (status) => void exits.push(status),
  };
  const status = main(argv, io);
  onTestFinished(async () => {
    listener?.('SIGTERM');
    await status;
  });
  const run: CommandRun = {
    cwd,
    status,
    exits,
    stdout: () => stdout,
    stderr: () => stderr,
    records: () =>
      stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    signal: (name) => listener?.(name),
    heldSignal: (name) => heldListener?.(name),
    fatal: (error) => fatalListener?.(error, 'uncaughtException'),
    async ready() {
      let ended = false;
      void status.then(() => {
        ended = true;
      });
      for (;;) {
        const record = run.records().find(({ msg }) => msg === 'ready');
        if (record !== undefined) return { rtmp: String(record.rtmp), http: String(record.http) };
        if (ended) throw new Error(`ended without being ready: ${stderr}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
  return run;
}
