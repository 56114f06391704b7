/** Tells the names of the variables that say "here". */
import { report } from "../../support/report.ts";

const { env } = process;
report(Object.keys(env).filter((name) => env[name] === "here").sort());
