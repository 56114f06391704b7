/** What a failing call must say, and whether it does. */
import { HandleError } from "../../mod.ts";

/** What an error must hold, field by field. */
export interface Expected {
  readonly native: number;
  readonly code: string;
  readonly status: string;
  readonly syscall: string;
  readonly handle: number | undefined;
}

/** A call that fails in one known way, whenever and wherever it is made. */
export interface FailingCall {
  readonly name: string;
  readonly run: () => unknown;
  readonly expected: Expected;
}

/** A failure in the words of both systems. The numbers are from the headers, not from the library. */
export type Failure = Pick<Expected, "native" | "code" | "status">;

/** Puts a case together. */
export function failing(
  name: string,
  failure: Failure,
  syscall: string,
  handle: number | undefined,
  run: () => unknown,
): FailingCall {
  return { name, run, expected: { ...failure, syscall, handle } };
}

/** Makes the call. Gives what is wrong with its error, or `undefined` when all of it is right. */
export function verify({ name, run, expected }: FailingCall): string | undefined {
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    if (
      error instanceof HandleError &&
      error.native === expected.native &&
      error.code === expected.code &&
      error.status === expected.status &&
      error.syscall === expected.syscall &&
      error.handle === expected.handle
    ) return undefined;
    return `${name}: ${describe(error)} instead of ${describe(expected)}`;
  }
  return `${name}: gave ${String(result)} instead of ${describe(expected)}`;
}

function describe(error: unknown): string {
  if (error instanceof Error && !(error instanceof HandleError)) return String(error);
  const { native, code, status, syscall, handle } = error as Expected;
  return `${native} ${code} ${status} ${syscall} ${handle ?? "(no handle)"}`;
}
