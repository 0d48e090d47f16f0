// The environment of FFmpeg. The gateway's own environment holds keys, and variables that would change what FFmpeg does.

/** Environment of a child process. */
export type ChildEnvironment = Readonly<Record<string, string>>;

/** Default for callers that pass no environment: enough for programs, and wrapper scripts around them, on an ordinary system. */
export const DEFAULT_CHILD_ENVIRONMENT: ChildEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin' };

/** The environment variables that a program needs to be found, to be loaded and to write temporary files. None of them contains a secret. */
const PASSED_ON = [
  'PATH',
  'HOME',
  'TMPDIR',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  // Windows cannot start a program without it.
  'SystemRoot',
] as const;

/** Selects from a full environment what FFmpeg may see. */
export function childEnvironment(environment: Readonly<Record<string, string | undefined>>): ChildEnvironment {
  const picked: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = environment[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}
