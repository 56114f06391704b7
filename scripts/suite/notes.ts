/**
 * A reporter of vitest: what its report does not say. Each kind goes to a file of its own beside the
 * report, a line for each, and CI shows them in its end.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import type { Reporter, SerializedError, TestModule, Vitest } from "vitest/node";

/**
 * `unsteady`: the tests that failed at first and passed when they were run once more, as they are with
 * DUPHANDLE_RETRY=1. `unhandled`: the errors that no test had, such as a rejection without a handler or the
 * end of a worker. They fail the run, but no test of the report.
 */
export const NOTES = ["unsteady", "unhandled"] as const;

/** One of them. */
export type Note = typeof NOTES[number];

/** The file beside a report. It is not there when nothing is to be noted. */
export function notePath(report: string, note: Note): string {
  return report.replace(/\.json$/, `.${note}`);
}

export default class NotesReporter implements Reporter {
  #report: string | undefined;
  #root = "";

  onInit({ config }: Vitest): void {
    const { outputFile, root } = config;
    const report = typeof outputFile === "object" ? outputFile["json"] : undefined;
    // Bun for Windows writes no file at a path that is not absolute here.
    this.#report = report === undefined ? undefined : path.resolve(root, report);
    this.#root = root;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const flaky = modules.flatMap(({ children }) =>
      [...children.allTests("passed")].filter((test) => test.diagnostic()?.flaky)
    );
    this.#write(
      "unsteady",
      flaky.map((test) => `${test.fullName}: ${firstLine(test.result().errors?.[0])}`),
    );
    const cut = modules.filter((module) => errors.length > 0 && module.state() === "pending");
    this.#write("unhandled", [
      ...errors.map((error) => this.#describe(error)),
      ...cut.map((module) => this.#describeCut(module)),
    ]);
  }

  /** Vitest adds to an error of a worker which test began last there, and in which file. */
  #describe(error: SerializedError): string {
    const { VITEST_TEST_PATH: file, VITEST_TEST_NAME: test } = error;
    const where = typeof file === "string" ? ` in ${path.relative(this.#root, file)}` : "";
    const after = typeof test === "string" ? `, the latest test was "${test}"` : "";
    const { cause } = error; // of an error that says no more than that a worker had one
    const reason = cause?.message === undefined ? "" : ` (${firstLine(cause)})`;
    return `unhandled error${where}${after}: ${error.name ?? "Error"}: ${
      firstLine(error)
    }${reason}`;
  }

  /** A file whose worker died. */
  #describeCut({ moduleId, children }: TestModule): string {
    const [test] = children.allTests("pending");
    const at = test === undefined ? "" : `, at "${test.fullName}"`;
    return `no end of ${path.relative(this.#root, moduleId)}${at}`;
  }

  #write(note: Note, lines: readonly string[]): void {
    if (this.#report === undefined || lines.length === 0) return;
    fs.mkdirSync(path.dirname(this.#report), { recursive: true }); // the report itself comes later
    fs.writeFileSync(notePath(this.#report, note), lines.map((line) => `${line}\n`).join(""));
  }
}

function firstLine(error: { readonly message?: string } | undefined): string {
  return (error?.message ?? "").split("\n")[0]!.slice(0, 200);
}
