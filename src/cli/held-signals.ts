// Signals that would end this process, or open a debugger to every user of this machine, unless a listener is installed.

/** Without a listener, SIGUSR1 makes Node open its debugger on port 9229, and SIGHUP and SIGUSR2 end the process. */
export type HeldSignal = 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';
const HELD: readonly HeldSignal[] = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'];

const listeners = new Set<(signal: HeldSignal) => void>();

/** Disables the default action of these signals; only the listeners act on them. */
export function holdSignals(): void {
  for (const signal of HELD) {
    process.on(signal, () => {
      for (const listener of [...listeners]) listener(signal);
    });
  }
}

/** @returns a function that removes the listener; the default action stays disabled */
export function onHeldSignal(listener: (signal: HeldSignal) => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
