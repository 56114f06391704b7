/** The mistakes with handles that a test makes on purpose. Any other is held against it. */
import type { HandleProblem, HandleReport } from "duphandle";

/** Files about mistakes, whose tests make these as often as they like. */
const onPurpose: Readonly<Record<string, readonly HandleProblem[]>> = {
  "handle/getters.test.ts": ["double-close", "use-after-close"],
  "handle/bad_input.test.ts": ["use-after-close"],
  "batch/batch.test.ts": ["foreign-close", "recycled", "two-owners"],
  "channel/bad_input.test.ts": ["use-after-close"],
  "channel/handles.test.ts": ["foreign-close"],
  "file/adoption.test.ts": ["use-after-close"],
  "file/arguments.test.ts": ["use-after-close"],
  "process/duplicate_handle.test.ts": ["use-after-close"],
  "ffi/errors.test.ts": ["foreign-close"],
  "handle/handle.test.ts": ["double-close", "foreign-close", "two-owners", "use-after-close"],
  "inspect/inspect.test.ts": ["use-after-close"],
  "pool/pool.test.ts": ["use-after-close"],
  "process/process.test.ts": ["use-after-close"],
  "child/options.test.ts": ["use-after-close"],
  "child/spawn.test.ts": ["foreign-close", "two-owners", "use-after-close"],
  "socket/win32_sockets.test.ts": ["double-close", "use-after-close"],
};

let expected: HandleProblem[] = [];

/** Says in a test that it makes these mistakes, each as often as it is named. */
export function expectedProblems(...problems: HandleProblem[]): void {
  expected.push(...problems);
}

/** What a test of a file was reported for without having said so, and what it has said in vain. */
export function unexpected(
  file: string,
  reports: readonly HandleReport[],
): { found: HandleReport[]; missing: HandleProblem[] } {
  const missing = expected;
  expected = [];
  const allowed = onPurpose[file.replaceAll("\\", "/").split("/test/").at(-1)!] ?? [];
  const found = reports.filter(({ problem }) => {
    const at = missing.indexOf(problem);
    if (at !== -1) missing.splice(at, 1);
    return at === -1 && !allowed.includes(problem);
  });
  return { found, missing };
}
