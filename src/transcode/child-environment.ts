// FFmpeg gets an environment of its own: the gateway's holds keys, and variables that would change what FFmpeg does.

/** Environment of a child process. */
export type ChildEnvironment = Readonly<Record<string, string>>;

/** For a caller that has none to pick from: enough for programs, and wrapper scripts around them, of an ordinary system. */
export const DEFAULT_CHILD_ENVIRONMENT: ChildEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin' };

/** What a program needs to be found, loaded and to write temporary files; nothing of this holds a secret. */
const PASSED_ON = [
  'PATH',
  'HOME',
  'TMPDIR',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  // Windows starts no program without it.
  'SystemRoot',
] as const;

/** Picks from a full environment what FFmpeg may see. */
export function childEnvironment(environment: Readonly<Record<string, string | undefined>>): ChildEnvironment {
  const picked: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = environment[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}
