/** Writes through each handle that it was given; what came of it. */
import { inherited, inheritedNames } from "duphandle";
import { writeRaw } from "../../support/system.ts";
import { report, thrownBy } from "../../support/report.ts";

const codes = inheritedNames().map((name) => {
  using handle = inherited(name);
  return [name, thrownBy(() => writeRaw(handle.raw, "x"))?.["code"]];
});
report(Object.fromEntries(codes));
