/** Tells what it was started with. */
import { report } from "../../support/report.ts";

report({
  cwd: process.cwd(),
  secret: process.env["SECRET"],
  argument: process.argv.at(-1),
});
