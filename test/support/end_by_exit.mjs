/**
 * Ends a program by `process.exit()` when it has nothing more to do. Node 26 may crash at the natural end of a
 * program whose calls V8 is compiling at that moment: docs/performance.md, "Node".
 */
import { isMainThread } from "node:worker_threads";

if (isMainThread) process.on("beforeExit", () => process.exit());
