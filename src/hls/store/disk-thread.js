// @ts-check
// The thread that works on the media directory, with synchronous calls: a call costs a few microseconds here, but many times that through promises
// and a thread pool. It is JavaScript, because Node starts the file by its name, and Node 20 cannot run TypeScript.
import fs from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';

/** @import { DiskCall, DiskFailure, DiskMessage, DiskThreadData, JobDone, WriteCall } from './disk-work.js' */

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants;
/** With O_EXCL, open fails if the name exists, even as a symbolic link. */
const NEW_FILE = O_WRONLY | O_CREAT | O_EXCL;
/** Reduced by the umask. */
const FILE_MODE = 0o666;
/** Maximum depth: app (up to a few levels), name, rendition, file. */
const DEEPEST = 16;

/** @type {DiskThreadData} */
const { root, staging } = workerData;
const bytes = new Uint8Array(staging);

/** A file whose remaining bytes come with the next message. @type {{ descriptor: number, path: string } | undefined} */
let unfinished;

/** A failure that our own rules cause, not the system. */
class Refusal extends Error {
  /** @param {'refused' | 'root'} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** The calls of one message. Each directory is checked once per message. */
class Pass {
  /** @type {string | undefined} */
  #realRoot;
  /** @type {Set<string>} */
  #checked = new Set();

  /** @param {string | undefined} realRoot */
  constructor(realRoot) {
    this.#realRoot = realRoot;
  }

  /** @param {readonly DiskCall[]} calls @returns {JobDone} */
  run(calls) {
    /** @type {JobDone['answers']} */
    const answers = [];
    try {
      for (const call of calls) answers.push(this.#call(call));
      return { answers, failure: undefined };
    } catch (error) {
      return { answers, failure: described(error) };
    }
  }

  /** @param {DiskCall} call @returns {JobDone['answers'][number]} */
  #call(call) {
    switch (call.kind) {
      case 'write':
        return this.#write(call);
      case 'remove':
        return this.#remove(call.names);
      case 'size': {
        const stats = lstatIfThere(join(root, ...call.names));
        return stats?.isFile() ? stats.size : undefined;
      }
      case 'list':
        return filesBelow(join(root, ...call.names), '', 0);
    }
  }

  /** @param {WriteCall} call @returns {undefined} */
  #write({ names, temporary, make, at, length, begins, ends }) {
    const inside = names.slice(0, -1);
    const directory = join(root, ...inside);
    const path = join(root, ...names);
    if (begins) {
      if (make) this.#makeDirectory(inside);
      this.#checkPlace(directory, inside);
      const target = temporary === undefined ? path : join(directory, temporary);
      unfinished = { descriptor: temporary === undefined ? openUnlisted(path) : openNew(target), path: target };
    }
    const file = unfinished;
    if (file === undefined) throw new Refusal('refused', `got more bytes for ${path}, which is not open`);
    try {
      writeAll(file.descriptor, at, length);
      if (!ends) return;
      unfinished = undefined;
      fs.closeSync(file.descriptor);
      if (temporary !== undefined) fs.renameSync(file.path, path);
    } catch (error) {
      dropFile(file);
      throw error;
    }
  }

  /** @param {readonly string[]} names @returns {undefined} */
  #remove(names) {
    const inside = names.slice(0, -1);
    try {
      this.#checkPlace(join(root, ...inside), inside);
      fs.unlinkSync(join(root, ...names));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  /**
   * Creates one directory at a time: `mkdir` with `recursive` would also create directories behind a symbolic link.
   * @param {readonly string[]} inside
   */
  #makeDirectory(inside) {
    fs.mkdirSync(root, { recursive: true });
    this.#checkPlace(root, []);
    let directory = root;
    for (const name of inside) {
      directory = join(directory, name);
      try {
        fs.mkdirSync(directory);
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      const stats = fs.lstatSync(directory);
      if (stats.isSymbolicLink())
        throw new Refusal('refused', `${directory} is a symbolic link, and links are not followed`);
      if (!stats.isDirectory()) throw new Refusal('refused', `${directory} is not a directory`);
    }
  }

  /**
   * Nothing is written or removed through a symbolic link. Checked in each message, because a directory may be replaced by a link at any
   * time; one system call resolves the whole path.
   * @param {string} directory @param {readonly string[]} inside
   */
  #checkPlace(directory, inside) {
    if (this.#checked.has(directory)) return;
    const real = fs.realpathSync.native(directory);
    if (this.#realRoot === undefined || real !== join(this.#realRoot, ...inside)) {
      const now = fs.realpathSync.native(root);
      // The media directory itself may be a link, including one created when it was moved; the gateway decides whether its target is ours.
      if (now !== this.#realRoot) throw new Refusal('root', `${root} leads to ${now}`);
      throw new Refusal('refused', `${directory} leads to ${real}, and symbolic links are not followed`);
    }
    this.#checked.add(directory);
  }
}

/**
 * Opens the final name. A file left there by an earlier attempt is removed, not overwritten: a hard link may share it with somebody else.
 * @param {string} path
 */
function openUnlisted(path) {
  try {
    return openNew(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    // Fails for a link or a directory, and reports why.
    fs.closeSync(fs.openSync(path, O_WRONLY | O_NOFOLLOW));
    fs.unlinkSync(path);
    return openNew(path);
  }
}

/** @param {string} path */
function openNew(path) {
  return fs.openSync(path, NEW_FILE, FILE_MODE);
}

/** Repeats the call, because the system may write fewer bytes than requested. @param {number} descriptor @param {number} at @param {number} length */
function writeAll(descriptor, at, length) {
  for (let written = 0; written < length; ) written += fs.writeSync(descriptor, bytes, at + written, length - written);
}

/**
 * An incomplete file must not stay. If removing fails too, the first failure is still the one to report: the file is never listed, and the next start
 * removes it.
 * @param {{ descriptor: number, path: string }} file
 */
function dropFile(file) {
  const isOpen = unfinished === file;
  unfinished = undefined;
  try {
    if (isOpen) fs.closeSync(file.descriptor);
    fs.rmSync(file.path, { force: true });
  } catch {
    // See above.
  }
}

/** @param {string} path */
function lstatIfThere(path) {
  try {
    return fs.lstatSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** @param {string} directory @param {string} below @param {number} depth @returns {string[]} */
function filesBelow(directory, below, depth) {
  /** @type {string[]} */
  const found = [];
  for (const entry of entriesOf(directory)) {
    const path = `${below}${entry.name}`;
    // A symbolic link is neither a file nor a directory, so it is left out: its target is not ours.
    if (entry.isFile()) found.push(path);
    else if (entry.isDirectory() && depth < DEEPEST)
      found.push(...filesBelow(join(directory, entry.name), `${path}/`, depth + 1));
  }
  return found;
}

/** @param {string} directory */
function entriesOf(directory) {
  try {
    return fs.readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** @param {unknown} error @returns {DiskFailure} */
function described(error) {
  return { message: error instanceof Error ? error.message : String(error), code: codeOf(error) };
}

/** @param {unknown} error @returns {string | undefined} */
function codeOf(error) {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** @param {unknown} error */
function isMissing(error) {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '');
}

parentPort?.on('message', (/** @type {DiskMessage | 'end'} */ message) => {
  if (message === 'end') {
    parentPort?.close();
    return;
  }
  const pass = new Pass(message.realRoot);
  parentPort?.postMessage(message.jobs.map((calls) => pass.run(calls)));
});
