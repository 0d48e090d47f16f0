// Prints a user entry for the configuration file. The password is typed or piped; it is never an argument, because others could see that.

import { hashPassword } from '../access/password-hash.js';
import { type CommandIo, EXIT_OK, EXIT_USAGE } from './io.js';

/** The characters that the option `users` allows in a name. */
const USER_NAME = /^[A-Za-z0-9._@-]{1,64}$/;
const USAGE = 'usage: sluice hash-password USER, with USER of up to 64 letters, digits and . _ @ -';

/** @param argv arguments after the command. @returns the exit status */
export async function hashPasswordCommand(argv: readonly string[], io: CommandIo): Promise<number> {
  const [user, ...rest] = argv;
  if (user === undefined || rest.length > 0 || !USER_NAME.test(user)) {
    // The arguments are not repeated, because they may contain the password.
    io.stderr.write(`sluice: ${USAGE}; the password is asked for separately\n`);
    return EXIT_USAGE;
  }
  const password = await io.readSecret(`Password for ${user}: `);
  if (password === '') {
    io.stderr.write('sluice: got no password, expected one line on standard input\n');
    return EXIT_USAGE;
  }
  io.stderr.write('Put this below "users:" in the configuration file, and keep that file to yourself:\n');
  io.stderr.write('whoever reads the hash can publish with it.\n');
  io.stdout.write(`  - name: ${user}\n    hash: ${hashPassword(user, password)}\n`);
  return EXIT_OK;
}
