/**
 * A reporter of vitest: which tests failed at first and passed when they were run once more, as they are
 * with DUPHANDLE_RETRY=1. A line each goes to a file beside the report, which CI shows in its end.
 */
import * as fs from "node:fs";
import type { Reporter, TestModule, Vitest } from "vitest/node";

export default class UnsteadyReporter implements Reporter {
  #path: string | undefined;

  onInit({ config }: Vitest): void {
    const { outputFile } = config;
    const report = typeof outputFile === "object" ? outputFile["json"] : undefined;
    this.#path = report?.replace(/\.json$/, ".unsteady");
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
    if (this.#path !== undefined && lines.length > 0) fs.writeFileSync(this.#path, lines.join(""));
  }
}
