// What the operating system says when it refuses: the code to look for, and words for those who have never seen it.

/** Those that a mistake or a full machine brings about; the others stand for themselves. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'not permitted',
  EADDRINUSE: 'a gateway or another program has this port',
  EADDRNOTAVAIL: 'this machine has no such address',
  EAI_AGAIN: 'the name cannot be looked up',
  EISDIR: 'a directory',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left',
  ENOTDIR: 'a file is in the place of a directory',
  ENOTFOUND: 'no such host name',
  EPERM: 'not permitted',
  EROFS: 'read-only',
};

/** `ENOENT`; undefined for what did not come from the system. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** `ENOENT, no such file or directory`; of other errors their own message. */
export function systemReason(error: unknown): string {
  const code = systemCode(error);
  if (code === undefined) return error instanceof Error ? error.message : String(error);
  const words = WORDS[code];
  return words === undefined ? code : `${code}, ${words}`;
}
