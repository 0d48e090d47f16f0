// Asks the operator's back end who may publish and watch. The request has the same fields as that of MediaMTX, so that back ends for MediaMTX work
// unchanged. Verdicts are cached for a while, and equal questions at the same time share one request.

import { createHash } from 'node:crypto';
import type { GrantAction } from '../../contracts/grant.js';
import type { Logger } from '../../contracts/logger.js';
import { RecentValues } from '../../protocols/recent-values.js';
import type { EpochMilliseconds, Milliseconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';
import type { OptionBounds } from '../policy/grant-options.js';
import type { Disproven, Proof, Proven, Question } from '../policy/question.js';
import { type ClosingCalls, closingCall } from './closing-calls.js';
import { readVerdict, type Verdict } from './verdict.js';
import type { WebhookClient } from './webhook-client.js';
import { fieldsOf } from './webhook-fields.js';

export type OnWebhookError = 'deny' | 'allow' | 'cached';

export interface WebhookProofOptions {
  readonly action: GrantAction;
  readonly client: Pick<WebhookClient, 'send'>;
  /** What applies to new publishers or viewers while the back end does not answer. */
  readonly onError: OnWebhookError;
  readonly bounds: OptionBounds;
  readonly closings: ClosingCalls;
  readonly logger: Logger;
  readonly wallClock: () => EpochMilliseconds;
}

/** About 10 MB, options and reasons included. */
const REMEMBERED = { entries: 10_000, keyLength: 64 };
const YES_FOR: Milliseconds = 30_000;
const NO_FOR: Milliseconds = 5_000;
/** With `cached`: how long an earlier "allowed" applies while the back end does not answer. */
const YES_IN_NEED: Milliseconds = 600_000;
/** Lifetime of a viewer if the back end gives none. */
const LIFETIME: Milliseconds = 86_400_000;
const HASH_LENGTH = 22;

/** A verdict, and the id in the request that asked for it; undefined if there was no answer. */
interface Given {
  readonly verdict: Verdict;
  readonly opening: string | undefined;
}

interface Remembered {
  readonly verdict: Verdict;
  /** Id in the request to which this is the answer. */
  readonly grantId: string;
  readonly at: EpochMilliseconds;
}

export class WebhookProof implements Proof {
  readonly #options: WebhookProofOptions;
  readonly #remembered = new RecentValues<Remembered>(REMEMBERED);
  readonly #asking = new Map<string, Promise<Given>>();

  constructor(options: WebhookProofOptions) {
    this.#options = options;
  }

  async prove(question: Question, grantId: string): Promise<Proven | Disproven | undefined> {
    const { action, wallClock, closings } = this.#options;
    const token = question.query.get('token') ?? '';
    // Our own tokens are checked by the gateway itself and need no back end.
    if (question.action !== action || token.startsWith('v1.')) return undefined;
    const key = hashOf(question);
    const { verdict, opening } = await this.#verdict(key, question, grantId);
    if (!verdict.allow) {
      const code = verdict.isFailure
        ? 'access.webhook'
        : action === 'publish'
          ? 'access.publish-denied'
          : 'access.play-denied';
      return { ok: false, error: accessError(code, verdict.reason), isGuess: !verdict.isFailure };
    }
    const { lifetime, name, options } = verdict;
    const now = wallClock();
    const until = lifetime === undefined ? undefined : now + lifetime;
    const sid = key.slice(0, HASH_LENGTH);
    const closing = closingCall(question, { grantId, opening, since: now });
    await closings.promise(closing.ifKilled);
    return {
      ok: true,
      covers: true,
      holder: { proof: 'webhook', id: question.query.get('user')?.slice(0, 64) || undefined },
      ...(action === 'publish'
        ? { until, name }
        : { session: { sid, until: Math.ceil((until ?? now + LIFETIME) / 1000) } }),
      options,
      onClosed: (_, use) => {
        if (use.isUnused === true) closings.withdraw(closing.ifKilled.id);
        else closings.push(closing.ended(wallClock(), use));
      },
    };
  }

  #verdict(key: string, question: Question, grantId: string): Promise<Given> | Given {
    const remembered = this.#remembered.get(key);
    const age = remembered === undefined ? Number.POSITIVE_INFINITY : this.#options.wallClock() - remembered.at;
    if (remembered !== undefined && age < (remembered.verdict.allow ? YES_FOR : NO_FOR)) return givenBy(remembered);
    const asking = this.#asking.get(key) ?? this.#ask(key, question, grantId, remembered, age);
    this.#asking.set(key, asking);
    return asking;
  }

  async #ask(
    key: string,
    question: Question,
    grantId: string,
    remembered: Remembered | undefined,
    age: Milliseconds,
  ): Promise<Given> {
    const { client, onError, logger, wallClock, bounds } = this.#options;
    try {
      const answer = await client.send(JSON.stringify({ ...fieldsOf(question), grantId, status: 'opening' }));
      const verdict = readVerdict(answer, bounds);
      if (verdict === undefined)
        throw accessError('access.webhook', `the webhook answered with status ${answer.status}`);
      if (verdict.strange.length > 0) logger.warn({ options: verdict.strange }, 'the webhook gave unknown options');
      this.#remembered.keep(key, { verdict, grantId, at: wallClock() });
      return { verdict, opening: grantId };
    } catch (error) {
      const { action } = this.#options;
      logger.warn({ err: error, code: 'access.webhook', action, onError }, 'the webhook gave no verdict');
      const none = (verdict: Verdict): Given => ({ verdict, opening: undefined });
      if (onError === 'allow') return none({ allow: true, reason: '', strange: [] });
      if (onError === 'cached' && remembered?.verdict.allow === true && age < YES_IN_NEED) return givenBy(remembered);
      return none({
        allow: false,
        isFailure: true,
        reason: 'access cannot be checked at the moment, try again later',
        strange: [],
      });
    } finally {
      this.#asking.delete(key);
    }
  }
}

const givenBy = ({ verdict, grantId }: Remembered): Given => ({ verdict, opening: grantId });

/** Without the secrets themselves. */
function hashOf({ action, app, name, remoteAddress = '', query, agent = '' }: Question): string {
  const asked = JSON.stringify([action, app, name, remoteAddress, action === 'play' ? agent : '', [...query].sort()]);
  return createHash('sha256').update(asked).digest('base64url');
}
