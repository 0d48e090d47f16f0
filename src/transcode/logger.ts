// The room declares the logger that it needs; gateway.ts supplies pino, tests supply a recorder.

type LogMethod = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** The subset of pino's interface that this room uses. */
export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}
