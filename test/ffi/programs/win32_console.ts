/** Duplicates of a console's input and output. Its argument is the folder for messages. */
import * as win32 from "duphandle/win32";
import { copyOf, tell } from "../../support/windows_objects.ts";

const folder = process.argv.at(-1) as string;

function open(path: string): number {
  return win32.CreateFileW(path, 0xc000_0000, 3, null, win32.OPEN_EXISTING, 0, 0);
}

/** Whether this process has a console that answers. */
function hasConsole(): boolean {
  try {
    const input = open("CONIN$");
    try {
      win32.GetConsoleMode(input);
    } finally {
      win32.CloseHandle(input);
    }
    return true;
  } catch {
    return false;
  }
}

/** Why there is no console, or nothing. */
function getConsole(): string | undefined {
  if (hasConsole()) return undefined;
  try {
    win32.FreeConsole();
  } catch {
    // There was none to leave.
  }
  try {
    win32.AllocConsole();
    return hasConsole() ? undefined : "it does not answer, which under Wine means no display";
  } catch (error) {
    return String(error);
  }
}

function use(): unknown {
  const input = open("CONIN$");
  const output = open("CONOUT$");
  const copies = [copyOf(input), copyOf(output)] as const;
  const before = win32.GetConsoleMode(input);
  win32.SetConsoleMode(copies[0], before ^ win32.ENABLE_ECHO_INPUT);
  const changed = win32.GetConsoleMode(input) ^ before;
  win32.CloseHandle(input);
  win32.CloseHandle(output);
  const left = win32.GetConsoleMode(copies[0]) ^ before;
  const written = win32.WriteFile(copies[1], new TextEncoder().encode("x"));
  const types = copies.map(win32.GetFileType);
  win32.SetConsoleMode(copies[0], before);
  for (const copy of copies) win32.CloseHandle(copy);
  win32.FreeConsole();
  return { changed, left, written, types };
}

const none = getConsole();
tell(folder, "result", none === undefined ? use() : { none });
