/** The runtime's own SQLite, which sets record locks. */

/** The part of a database that is used. */
export interface Database {
  exec(sql: string): void;
  close(): void;
}

/** Opens a database; `undefined` where the runtime has no SQLite, as Node 20. */
export function openDatabase(file: string): Database | undefined {
  const { getBuiltinModule } = process as unknown as {
    getBuiltinModule(name: string): Readonly<Record<string, unknown>> | undefined;
  };
  const found = getBuiltinModule("bun:sqlite")?.["Database"] ??
    getBuiltinModule("node:sqlite")?.["DatabaseSync"];
  return found === undefined ? undefined : new (found as new (file: string) => Database)(file);
}
