// What a command needs of its process, so that commands run in tests without being one.

import type { Environment } from '../config/environment.js';
import type { Config } from '../config/schema.js';
import type { HeldSignal } from './signals.js';

export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface CommandIo {
  /** Log records, and the answers of `--help`, `--version` and `doctor`. */
  readonly stdout: OutputStream;
  /** What is meant for a person at start: the address, the key, and why it did not start. */
  readonly stderr: OutputStream;
  readonly env: Environment;
  readonly cwd: string;
  /** One line from standard input, without its end; typed on a terminal it is not shown. Empty at the end of the input. */
  readSecret(prompt: string): Promise<string>;
  /** Calls the listener at each SIGINT and SIGTERM. @returns stops that. */
  onStopSignal(listener: (signal: string) => void): () => void;
  /** Calls the listener at each SIGHUP, SIGUSR1 and SIGUSR2, which do nothing else. @returns stops that. */
  onHeldSignal(listener: (signal: HeldSignal) => void): () => void;
  /** Calls the listener with what was thrown and nobody caught; without a listener that ends the process. @returns stops that. */
  onFatalError(listener: (error: unknown, origin: string) => void): () => void;
  /** Ends the process now; for a second signal. */
  exit(status: number): void;
}

/** What a command knows about its configuration beside the values. */
export interface ConfigDetails {
  /** What is allowed but hardly meant, one line each. */
  readonly warnings?: readonly string[];
  /** Reads it anew, for SIGHUP. @throws {SluiceError} `config.invalid` */
  readonly readConfig?: () => Config;
}

/** Exit statuses of every command. */
export const EXIT_OK = 0;
/** It did not start, or did not end in order. */
export const EXIT_FAILURE = 1;
/** The command line or the configuration is wrong, or names a directory that is somebody else's. */
export const EXIT_USAGE = 2;
