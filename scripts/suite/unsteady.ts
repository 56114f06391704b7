/**
 * A reporter of vitest: which tests failed at first and passed when they were run once more, as they are
 * with DUPHANDLE_RETRY=1. A line each goes to a file beside the report, which CI shows in its end.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import type { Reporter, TestModule, Vitest } from "vitest/node";

/** The file beside a report in which they are noted. */
export function unsteadyPath(report: string): string {
  return report.replace(/\.json$/, ".unsteady");
}

export default class UnsteadyReporter implements Reporter {
  #path: string | undefined;

  onInit({ config }: Vitest): void {
    const { outputFile, root } = config;
    const report = typeof outputFile === "object" ? outputFile["json"] : undefined;
    // Bun for Windows writes no file at a path that is not absolute here.
    this.#path = report === undefined ? undefined : path.resolve(root, unsteadyPath(report));
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const lines = modules.flatMap(({ children }) =>
      [...children.allTests("passed")]
        .filter((test) => test.diagnostic()?.flaky)
        .map((test) => {
          const [error] = test.result().errors ?? [];
          return `${test.fullName}: ${(error?.message ?? "").split("\n")[0]}\n`;
        })
    );
    if (this.#path === undefined || lines.length === 0) return;
    fs.mkdirSync(path.dirname(this.#path), { recursive: true }); // the report itself comes later
    fs.writeFileSync(this.#path, lines.join(""));
  }
}
