/** What a row of the support table claims, and the tests that prove it. */

/** Some text of a test's full name, and the file that it is in. */
export type Proof = readonly [file: string, test: string];

/** An answer for some targets, which holds where every one of its tests ran and passed. */
export interface Claim {
  /** What the cell says. */
  readonly answer: string;
  /** What there is to say about it: a footnote, which names what serves instead. */
  readonly note?: string;
  /**
   * How the names of the targets begin that it is about, where a test expects one thing of one system
   * and another thing of another. Else it is for every target that ran the tests.
   */
  readonly on?: string;
  readonly tests: readonly Proof[];
}

/** A row: the first claim that holds for a target is its cell. */
export interface Feature {
  readonly name: string;
  readonly claims: readonly Claim[];
}

/** The same tests for every target, with the same answer. */
export function yes(...tests: readonly Proof[]): Claim {
  return { answer: "yes", tests };
}

/** What one kind of target cannot do. */
export function refused(note: string, ...tests: readonly Proof[]): Claim {
  return { answer: "`ENOTSUP`", note, tests };
}
