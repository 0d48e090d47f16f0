// A mutation drops one limit or one security rule, and a test must fail then; otherwise nothing protects the rule.

export interface Mutation {
  /** What is dropped, in a few words. */
  readonly drops: string;
  /** Below the root of the repository. */
  readonly file: string;
  /** Occurs in the file exactly once. */
  readonly text: string;
  readonly replacement: string;
  /** The test file that has to fail, below the root. */
  readonly test: string;
  /** The title of the test in it that has to fail, or a part of it. */
  readonly title: string;
  /** Whether it is one of the few that CI tries each time. */
  readonly short?: true;
}
