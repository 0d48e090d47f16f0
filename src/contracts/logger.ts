// The part of a pino logger that the modules use, so that a test can supply a recorder.

type LogMethod = (fields: object, message: string) => void;

export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}
