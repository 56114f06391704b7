/** Faults in real system calls, and what a process really asks of the kernel: strace. */
import { spawnSync } from "node:child_process";

/** Whether strace is here and may trace. CI installs it; a container may forbid it. */
export const canTrace: boolean = process.platform === "linux" &&
  spawnSync("strace", ["-f", "--seccomp-bpf", "-qq", "-e", "trace=none", "true"], {
      stdio: "ignore",
    })
      .status === 0;

/**
 * strace of a program and its threads. Only the calls that are traced stop the program: without the
 * filter each of its thousands of others would, twice.
 */
export function strace(log: string, options: readonly string[]): string[] {
  return ["strace", "-f", "--seccomp-bpf", "-qq", "-o", log, ...options];
}

/**
 * A command prefix under which one system call fails as told for one file only: what the runtime
 * itself does with other files goes on.
 *
 * @param file the path that the failing calls are about
 * @param fault such as `fcntl:error=EMFILE`
 */
export function failing(file: string, fault: string): string[] {
  const call = fault.slice(0, fault.indexOf(":"));
  return strace("/dev/null", ["-P", file, "-e", `trace=${call}`, "-e", `inject=${fault}`]);
}
