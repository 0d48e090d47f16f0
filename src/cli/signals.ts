// Signals that would end this process, or open a debugger to every user of this machine, unless somebody listens.

/** SIGUSR1: without a listener Node opens its debugger on port 9229. SIGHUP and SIGUSR2 end a process that does not listen. */
export type HeldSignal = 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';
const HELD: readonly HeldSignal[] = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'];

const listeners = new Set<(signal: HeldSignal) => void>();

/** From now on these signals do nothing but what the listeners do. */
export function holdSignals(): void {
  for (const signal of HELD) {
    process.on(signal, () => {
      for (const listener of [...listeners]) listener(signal);
    });
  }
}

/** @returns stops that; the signals go on doing nothing. */
export function onHeldSignal(listener: (signal: HeldSignal) => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
