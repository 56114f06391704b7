/** The kinds of standard output and input that a program can have. */
import { hasCommand } from "./program.ts";
import { isWindows } from "./system.ts";

/** The kinds of standard output, each with the command that starts the program with it. */
export const outputs: Record<string, string[]> = {
  "a file": [],
  "a pipe": ["sh", "-c", '"$@" | cat', "sh"],
  "a terminal": ["sh", "-c", 'script -qefc "$*" /dev/null', "sh"],
};

/** Those that this machine can make. */
export const available: string[] = Object.keys(outputs)
  .filter((kind) => !isWindows && (kind !== "a terminal" || hasCommand("script")));

/** A pipe whose reader begins some while after the program has made its file `FILE.go`. */
export const slowPipe = (file: string): string[] => [
  ...["sh", "-c"],
  `"$@" | (until [ -e "${file}.go" ]; do sleep 0.05; done; sleep 0.2; cat)`,
  "sh",
];

/** Standard input is a pipe that has a writer, which writes nothing. */
export const silentPipe = (file: string): string[] => [
  ...["sh", "-c"],
  `mkfifo "${file}.in"; exec 3<>"${file}.in" 4<"${file}.in"; exec "$@" <&4`,
  "sh",
];
