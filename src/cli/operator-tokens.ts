// `sluice token` makes, lists and revokes the tokens with which operators manage the gateway; `sluice audit verify` checks the audit log.

import { AuditLog } from '../access/audit/audit-log.js';
import { verifyAudit } from '../access/audit/verify-audit.js';
import { OperatorTokens } from '../access/operators/operator-tokens.js';
import { faultOfTokenName } from '../access/operators/token-file.js';
import type { Config } from '../config/schema.js';
import { OPERATOR_ROLES, type OperatorRole } from '../contracts/operators.js';
import { inWords, refuse } from './command-failures.js';
import { type CommandIo, EXIT_FAILURE, EXIT_OK } from './io.js';
import { secondsOf } from './link-times.js';
import type { CommandArguments } from './play-links.js';

/** Flags of `sluice token`; all other flags are options of the configuration. */
export const TOKEN_FLAGS: readonly string[] = ['--role', '--name', '--for'];

const TOKEN_USAGE = `usage: sluice token add --role ${OPERATOR_ROLES.join('|')} [--name NAME] [--for 30d] | token list | token revoke ID`;
const AUDIT_USAGE = 'usage: sluice audit verify';
const NO_LOG = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const wallClock = () => Date.now();

/** @returns the exit status */
export async function token(config: Config, io: CommandIo, { words, flags }: CommandArguments): Promise<number> {
  const [what, id, ...rest] = words;
  const tokens = new OperatorTokens({ stateDir: config.stateDir, logger: NO_LOG, wallClock });
  return inWords(io, async () => {
    if (what === 'add' && id === undefined) return add(config, tokens, io, flags);
    if (what === 'list' && id === undefined && flags.size === 0) return list(tokens, io);
    if (what === 'revoke' && id !== undefined && rest.length === 0 && flags.size === 0)
      return revoke(config, tokens, io, id);
    return refuse(io, TOKEN_USAGE);
  });
}

async function add(
  config: Config,
  tokens: OperatorTokens,
  io: CommandIo,
  flags: ReadonlyMap<string, string>,
): Promise<number> {
  const role = flags.get('--role') as OperatorRole | undefined;
  if (role === undefined || !OPERATOR_ROLES.includes(role)) return refuse(io, TOKEN_USAGE);
  const name = flags.get('--name') ?? '';
  const fault = faultOfTokenName(name);
  if (fault !== undefined) return refuse(io, `--name: ${fault}`);
  const lifetime = flags.get('--for');
  const seconds = lifetime === undefined ? undefined : secondsOf(lifetime);
  if (lifetime !== undefined && (seconds === undefined || seconds === 0))
    return refuse(io, `--for: got "${lifetime}", expected a number and s, m, h or d, such as 30d`);
  const expiresAt = seconds === undefined ? undefined : new Date(wallClock() + seconds * 1000).toISOString();
  await noteChange(config, {
    action: 'token.add',
    target: name,
    after: { role, name, ...(expiresAt && { expiresAt }) },
  });
  const made = await tokens.add({ role, name, expiresAt });
  const end = expiresAt === undefined ? 'It does not expire.' : `It expires ${expiresAt}.`;
  io.stdout.write(`${made.token}\n`);
  io.stderr.write(
    `Token ${made.description.id} has the role ${role}. ${end} It is shown only once: protect it like a password.\n` +
      `To revoke it: sluice token revoke ${made.description.id}\n`,
  );
  return EXIT_OK;
}

async function list(tokens: OperatorTokens, io: CommandIo): Promise<number> {
  const all = await tokens.list();
  if (all.length === 0) io.stderr.write('there are no operator tokens; sluice token add --role admin makes one\n');
  for (const { id, role, name, createdAt, expiresAt } of all) {
    const end = expiresAt === undefined ? 'does not expire' : `expires ${expiresAt}`;
    io.stdout.write(`${id}  ${role.padEnd(8)}  made ${createdAt}, ${end}  ${name}\n`);
  }
  return EXIT_OK;
}

async function revoke(config: Config, tokens: OperatorTokens, io: CommandIo, id: string): Promise<number> {
  const known = (await tokens.list()).find((token) => token.id === id);
  if (known === undefined) return refuse(io, `there is no token with this id; sluice token list shows all of them`);
  await noteChange(config, { action: 'token.revoke', target: id, before: { role: known.role, name: known.name } });
  await tokens.revoke(id);
  io.stdout.write(`Token ${id} is revoked.\n`);
  return EXIT_OK;
}

/** Commands change the same files as the management API, so they write to the same audit log. */
export async function noteChange(
  { stateDir, auditRequired }: Config,
  change: { action: string; target: string; before?: Record<string, string>; after?: Record<string, string> },
): Promise<void> {
  const audit = new AuditLog({ stateDir, wallClock });
  try {
    await audit.write({ actor: { id: 'command', role: 'command' }, ...change, result: 'accepted' });
  } catch (error) {
    if (auditRequired === 'on') throw error;
  }
}

/** @returns the exit status */
export async function audit(config: Config, io: CommandIo, { words, flags }: CommandArguments): Promise<number> {
  if (words.length !== 1 || words[0] !== 'verify' || flags.size > 0) return refuse(io, AUDIT_USAGE);
  return inWords(io, async () => {
    const { lines, faults, first, last, torn } = await verifyAudit(config.stateDir);
    for (const { path, line, what } of faults) io.stdout.write(`${path}:${line} ${what}\n`);
    if (torn > 0) io.stderr.write(`incomplete lines: ${torn}\n`);
    if (faults.length > 0) return EXIT_FAILURE;
    if (last === undefined) io.stdout.write('The audit log is empty.\n');
    else
      io.stdout.write(`The audit log is intact: ${lines} lines, numbers ${first} to ${last.seq}, hash ${last.hash}\n`);
    return EXIT_OK;
  });
}
