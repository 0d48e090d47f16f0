// Explains errors of the operating system: with the code, for searching, and in words, for readers who do not know the code.

/** Errors caused by mistakes or exhausted resources. Other codes are explained in Node's own words. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'not permitted',
  EADDRINUSE: 'a gateway or another program has this port',
  EADDRNOTAVAIL: 'this machine has no such address',
  EAFNOSUPPORT: 'this machine has no addresses of this kind',
  EAI_AGAIN: 'the name cannot be looked up',
  EBUSY: 'in use by the system',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the other side broke off the connection',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'something else has this name already',
  EFBIG: 'the file is longer than this file system allows',
  EHOSTUNREACH: 'there is no way to this host',
  EIO: 'the disk reports an error',
  EISDIR: 'a directory is in the place of a file',
  ELOOP: 'a symbolic link, or a loop of them',
  EMFILE: 'too many open files',
  EMLINK: 'too many links',
  ENAMETOOLONG: 'the name is too long',
  ENETUNREACH: 'there is no way to this network',
  ENFILE: 'the whole machine has too many open files',
  ENODEV: 'no such device',
  ENOENT: 'no such file or directory',
  ENOMEM: 'out of memory',
  ENOSPC: 'no space left',
  ENOTDIR: 'a file is in the place of a directory',
  ENOTFOUND: 'no such host name',
  ENXIO: 'not a file that can be read',
  EPERM: 'not permitted',
  EPIPE: 'the other side has stopped reading',
  EROFS: 'read-only',
  ESTALE: 'the network file system has lost it',
  ETIMEDOUT: 'no answer in time',
  ETXTBSY: 'the program is being written',
  EXDEV: 'on another file system',
};

/** For example `ENOENT`; undefined for errors that do not come from the system, such as our own or Node's. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return /^E(AI_)?[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}

/** For example `ENOENT, no such file or directory`; other errors give their own message. */
export function systemReason(error: unknown): string {
  const code = systemCode(error);
  if (code === undefined) return error instanceof Error ? error.message : String(error);
  return `${code}, ${WORDS[code] ?? nodeWords(error, code)}`;
}

/** Ports below this are privileged on most systems (ip_unprivileged_port_start on Linux). */
const FIRST_UNPRIVILEGED_PORT = 1024;

/** Why nothing can listen on that port. If it is a privileged port, also what to do. */
export function listenReason(error: unknown, port: number): string {
  const reason = systemReason(error);
  if (systemCode(error) !== 'EACCES' || port >= FIRST_UNPRIVILEGED_PORT) return reason;
  return `${reason}: ports below ${FIRST_UNPRIVILEGED_PORT} need the capability CAP_NET_BIND_SERVICE, see docs/server.md`;
}

/** Extracts the words from Node's message, which reads `EXAMPLE: words in lower case, open '/path'`. */
function nodeWords(error: unknown, code: string): string {
  const message = error instanceof Error ? error.message : '';
  return new RegExp(`${code}: ([^,]{1,200})`).exec(message)?.[1] ?? 'refused by the system';
}
