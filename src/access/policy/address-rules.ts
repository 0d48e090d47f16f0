// The addresses from which publishing and watching is allowed.

import type { GrantAction } from '../../contracts/grant.js';
import { AddressList } from './address-list.js';

export interface AddressRuleOptions {
  /** IP addresses and CIDR blocks; empty: all. */
  readonly allow: readonly string[];
  /** Refused even if `allow` contains them. */
  readonly deny: readonly string[];
}

interface Rule {
  readonly allow: AddressList | undefined;
  readonly deny: AddressList | undefined;
}

export class AddressRules {
  readonly #rules: Readonly<Record<GrantAction, Rule>>;

  constructor(options: Readonly<Record<GrantAction, AddressRuleOptions>>) {
    this.#rules = { publish: ruleOf(options.publish), play: ruleOf(options.play) };
  }

  /** Whether there is any rule for this action. */
  has(action: GrantAction): boolean {
    const { allow, deny } = this.#rules[action];
    return allow !== undefined || deny !== undefined;
  }

  /** @param remoteAddress undefined if a trusted proxy does not name its client, so that no rule can be checked */
  allows({
    action,
    remoteAddress,
  }: {
    readonly action: GrantAction;
    readonly remoteAddress: string | undefined;
  }): boolean {
    const { allow, deny } = this.#rules[action];
    if (remoteAddress === undefined) return allow === undefined && deny === undefined;
    if (deny?.has(remoteAddress) === true) return false;
    return allow?.has(remoteAddress) ?? true;
  }
}

function ruleOf({ allow, deny }: AddressRuleOptions): Rule {
  return {
    allow: allow.length === 0 ? undefined : new AddressList(allow),
    deny: deny.length === 0 ? undefined : new AddressList(deny),
  };
}
