// Decides who may publish: anybody with the key, or a user with a password. All refusals look alike, and repeated guessing is slowed down.

import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectDecision, PublishAccess } from '../contracts/access.js';
import type { SluiceError } from '../protocols/errors.js';
import type { Milliseconds } from '../protocols/units.js';
import { AdobeChallenge, AUTH_FAILED, NEED_AUTH } from './adobe-challenge.js';
import { accessError } from './errors.js';
import { FailureMemory } from './failure-memory.js';
import { DENIED, KEY_PARAMETER, keyAndUserProof, PASSWORD_PARAMETER, USER_PARAMETER } from './key-and-user-proof.js';
import { AccessPolicy, type PolicySteps } from './policy/access-policy.js';
import type { Proof } from './policy/question.js';
import { UnansweredChallenges } from './unanswered-challenges.js';
import { type PublishUser, UserDirectory } from './user-directory.js';
import { WrongProofs } from './wrong-proofs.js';

/**
 * Neither method ever rejects. A refusal may be delayed by up to 4 s; correct credentials are accepted at once, however often others were
 * wrong. A wrong answer to the challenge of `connect` may be delayed as long as a refusal by `check`.
 */
export type PublishAccessPolicy = Required<PublishAccess>;

export interface PublishAccessOptions {
  /** The secret. Null if there is none: then everyone may publish or, if there are users, only they. */
  readonly key: string | null;
  /** Applications that accept publishers; a publisher cannot create new ones. */
  readonly apps: readonly string[];
  readonly users?: readonly PublishUser[] | UserDirectory;
  /** The steps that publishing and watching share. */
  readonly steps: Pick<PolicySteps, 'addresses' | 'bans' | 'limits' | 'grants'>;
  /** Further proofs, asked after the key and the users. */
  readonly proofs?: readonly Proof[];
  /** Whether everybody may publish if there are neither keys nor users. Default: true if there are no further proofs. */
  readonly isOpen?: () => boolean;
  /** Whether an encoder that connects with neither user nor key is asked for a user. Default true. */
  readonly challenge?: boolean;
  /** Number of refusals per address that are not delayed, because people mistype. Default 5. */
  readonly freeFailures?: number;
  /** Longest delay of a refusal. Default 4 s. */
  readonly maxDelay?: Milliseconds;
  /**
   * Called with the address of an encoder that was asked for a user and gave up. It may have had the key in its stream key, which is sent
   * only later.
   */
  readonly onUnanswered?: (remoteAddress: string) => void;
  /** How long to wait for an answer before `onUnanswered` is called. Default 5 s. */
  readonly patience?: Milliseconds;
  /** Monotonic clock; injected by tests. */
  readonly now?: () => Milliseconds;
  /** Delays a refusal; injected by tests. */
  readonly wait?: (duration: Milliseconds) => Promise<void>;
}

/** Encoders call themselves by these names. Players send `LNX 9,0,124,2` and similar, and are never challenged. */
const ENCODER = /FMLE|FMSc/;
/** User names that the configuration accepts; other names are never repeated in an answer. */
const USER_NAME = /^[A-Za-z0-9._@-]{1,64}$/;

const FREE_FAILURES = 5;
const MAX_DELAY: Milliseconds = 4_000;

export function createPublishAccess(options: PublishAccessOptions): PublishAccessPolicy {
  const { key, apps, proofs = [], challenge = true, freeFailures = FREE_FAILURES, maxDelay = MAX_DELAY } = options;
  const { isOpen = () => proofs.length === 0, now = () => performance.now(), wait = waitWithoutHolding } = options;
  const users = options.users instanceof UserDirectory ? options.users : new UserDirectory(options.users ?? []);
  const adobe = new AdobeChallenge(users);
  const failures = new FailureMemory();
  const wrong = new WrongProofs(now);
  const unanswered = new UnansweredChallenges(options.onUnanswered ?? (() => undefined), options.patience);

  const policy = new AccessPolicy({
    ...options.steps,
    proofs: [keyAndUserProof({ key, users, isOpen }), ...proofs],
    missing: () => accessError('access.publish-denied', DENIED),
    serves: ({ app }) => apps.includes(app),
  });

  /** Delays the refusal, or returns an error for a refusal at once. */
  async function refusedGuess(remoteAddress: string, target: string): Promise<SluiceError | undefined> {
    const tooMany = wrong.record(remoteAddress, target);
    if (tooMany !== undefined) return tooMany;
    const count = failures.record(remoteAddress, now());
    if (count > freeFailures) await wait(randomInt(refusalDelay(count - freeFailures, maxDelay)));
    return undefined;
  }

  return {
    async connect({ query, flashVer, remoteAddress }) {
      if (users.isEmpty) return { allowed: true };
      const user = query.get(USER_PARAMETER) ?? '';
      if (query.has('authmod')) {
        unanswered.answered(remoteAddress);
        if (query.get('authmod') !== 'adobe' || !USER_NAME.test(user)) return asked(NEED_AUTH);
        const response = query.get('response');
        if (response === null) return asked(adobe.challenge(user, remoteAddress, now()));
        const answer = { user, response, challenge: query.get('challenge') ?? '', opaque: query.get('opaque') ?? '' };
        if (adobe.check(answer, remoteAddress, now())) return { allowed: true, user };
        const tooMany = await refusedGuess(remoteAddress, `user ${user}`);
        return { allowed: false, error: tooMany ?? accessError('access.publish-denied', AUTH_FAILED), asked: false };
      }
      const brings = query.has(KEY_PARAMETER) || (user !== '' && query.has(PASSWORD_PARAMETER));
      if (!challenge || brings || !ENCODER.test(flashVer ?? '')) return { allowed: true };
      unanswered.asked(remoteAddress);
      return asked(NEED_AUTH);
    },

    async check({ app, name, query, remoteAddress, user, encoder }) {
      const question = { action: 'publish', protocol: 'rtmp', app, name, query, remoteAddress, user } as const;
      const decision = await policy.decide({ ...question, agent: encoder });
      if (decision.allowed) return { allowed: true, permit: decision.permit };
      const { error, isGuess } = decision;
      if (isGuess) {
        const tooMany = await refusedGuess(remoteAddress, `publish ${app}/${name}`);
        if (tooMany !== undefined) return { allowed: false, error: tooMany };
      }
      // A peer that guesses must learn nothing. An internal failure or a limit reveals nothing about credentials, and the encoder should learn that
      // it can try again.
      if (error.kind !== 'denied' || error.code === 'access.publish-denied') return { allowed: false, error };
      return { allowed: false, error: accessError('access.publish-denied', DENIED, { cause: error }) };
    },
  };
}

function asked(challenge: string): ConnectDecision {
  return { allowed: false, error: accessError('access.authentication', challenge), asked: true };
}

/** Upper bound of the random delay: 0.5 s, 1 s, 2 s, then 4 s. */
function refusalDelay(failures: number, maxDelay: Milliseconds): Milliseconds {
  return Math.max(1, Math.min(maxDelay, 250 * 2 ** Math.min(failures, 4)));
}

/** A delayed refusal must not keep a closing process alive. */
async function waitWithoutHolding(duration: Milliseconds): Promise<void> {
  await sleep(duration, undefined, { ref: false });
}
