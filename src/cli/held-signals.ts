// Signals whose default action ends this process, or opens a debugger to every user of this machine.

/** Without a listener, SIGUSR1 makes Node open its debugger on port 9229, and SIGHUP and SIGUSR2 end the process. */
export type HeldSignal = 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';
const HELD: readonly HeldSignal[] = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'];

const listeners = new Set<(signal: HeldSignal) => void>();

/** Disables the default action of these signals, so that they only call listeners. */
export function holdSignals(): void {
  for (const signal of HELD) {
    process.on(signal, () => {
      for (const listener of [...listeners]) listener(signal);
    });
  }
}

/**
 * Adds a listener.
 * @returns a function that removes it; the default action stays disabled
 */
export function onHeldSignal(listener: (signal: HeldSignal) => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
