// What a command needs from its process. Tests pass their own, so that they can run commands without a process.

import type { Environment } from '../config/environment.js';
import type { Config } from '../config/schema.js';
import type { HeldSignal } from './held-signals.js';

export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface CommandIo {
  /** Log records, and the output of `--help`, `--version` and `doctor`. */
  readonly stdout: OutputStream;
  /** Texts for a person at the start: address, key, and why the gateway did not start. */
  readonly stderr: OutputStream;
  readonly env: Environment;
  readonly cwd: string;
  /** Reads one line from standard input, without its line end. It is not shown on a terminal. Empty at the end of the input. */
  readSecret(prompt: string): Promise<string>;
  /** Calls the listener at each SIGINT and SIGTERM. @returns a function that removes the listener */
  onStopSignal(listener: (signal: string) => void): () => void;
  /**
   * Calls the listener at each SIGHUP, SIGUSR1 and SIGUSR2, which otherwise have no effect. @returns a function that removes the listener
   */
  onHeldSignal(listener: (signal: HeldSignal) => void): () => void;
  /**
   * Calls the listener with each uncaught error. Without a listener such an error ends the process.
   * @returns a function that removes the listener
   */
  onFatalError(listener: (error: unknown, origin: string) => void): () => void;
  /** Ends the process immediately. Used for a second signal. */
  exit(status: number): void;
}

/** Information about the configuration beyond its values. */
export interface ConfigDetails {
  /** Values that are allowed but probably mistakes, one line each. */
  readonly warnings?: readonly string[];
  /** Reads the configuration again, for SIGHUP. @throws {SluiceError} `config.invalid` */
  readonly readConfig?: () => Config;
}

/** Exit statuses of every command. */
export const EXIT_OK = 0;
/** The command could not start, or did not end properly. */
export const EXIT_FAILURE = 1;
/** The command line or the configuration is wrong, or it names a directory that belongs to somebody else. */
export const EXIT_USAGE = 2;
