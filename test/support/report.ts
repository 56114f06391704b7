/** How a program tells its test what it saw. */
import * as fs from "node:fs";
import { isHandleError } from "./thrown.ts";

/** Writes the program's result for the test to read. */
export function report(result: unknown): void {
  fs.writeFileSync(process.env["DUPHANDLE_RESULT"] as string, JSON.stringify(result));
}

/** What a call threw, as plain data; `undefined` when it did not. */
export function thrownBy(call: () => unknown): Record<string, unknown> | undefined {
  try {
    call();
  } catch (error) {
    if (!(error instanceof Error)) return { message: String(error) };
    const { name, message } = error;
    if (!isHandleError(error)) return { name, message };
    const { code, status, native, syscall, handle } = error;
    const cause = error.cause instanceof Error ? error.cause.name : undefined;
    return { name, message, code, status, native, syscall, handle, cause };
  }
  return undefined;
}
