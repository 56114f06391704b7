/** Reads one letter through each handle that it was given. */
import { inherited, inheritedNames } from "duphandle";
import { readRaw } from "../../support/system.ts";
import { report } from "../../support/report.ts";

const letters = inheritedNames().map((name) => {
  using handle = inherited(name);
  return readRaw(handle.raw, 1);
});
report({ names: inheritedNames(), letters: letters.join("") });
