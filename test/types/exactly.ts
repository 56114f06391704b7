/** For tests of types, which are compiled and never run. */

/**
 * Compiles only when the value is of exactly this type: neither wider nor narrower, nor `any`.
 *
 * @example
 * ```ts
 * exactly<number>()(copyFileHandleSync(1));
 * ```
 */
export function exactly<Expected>(): <Actual>(
  value: Actual,
  ...wrong: Same<Actual, Expected> extends true ? [] : [expected: Expected]
) => void {
  return () => {};
}

/** Two types are the same when nothing that is made with one differs from what is made with the other. */
type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends (<T>() => T extends Other ? 1 : 2)
  ? true
  : false;
