/** Faults in real system calls, and what a process really asks of the kernel: strace. */
import { spawnSync } from "node:child_process";

/** Whether strace is here and may trace. CI installs it; a container may forbid it. */
export const canTrace: boolean = process.platform === "linux" &&
  spawnSync("strace", ["-qq", "-e", "trace=none", "true"], { stdio: "ignore" }).status === 0;

/**
 * A command prefix under which one system call fails as told for one file only: what the runtime
 * itself does with other files goes on.
 *
 * @param file the path that the failing calls are about
 * @param fault such as `fcntl:error=EMFILE`
 */
export function failing(file: string, fault: string): string[] {
  const call = fault.slice(0, fault.indexOf(":"));
  const trace = ["-e", `trace=${call}`, "-e", `inject=${fault}`];
  return ["strace", "-f", "-qq", "-o", "/dev/null", "-P", file, ...trace];
}
