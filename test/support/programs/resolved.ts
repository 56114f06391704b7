/** Reports where the library's names lead. */
import { report } from "../report.ts";

report(["duphandle", "duphandle/posix"].map((name) => import.meta.resolve(name)));
