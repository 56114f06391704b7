/** Writes into a database, as another process: `sqlite_writer.ts FILE`. Reports what comes of it. */
import { openDatabase } from "../../support/sqlite.ts";
import { report } from "../../support/report.ts";

const database = openDatabase(process.argv[2] as string)!;
try {
  database.exec("insert into rows values ('theirs')");
  report("written");
} catch (error) {
  report((error as Error).message);
} finally {
  database.close();
}
