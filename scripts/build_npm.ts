/**
 * Builds the npm package with dnt, into `npm/`: `deno task build:npm`. dnt comes from JSR; where that is
 * not reached, `npm run build` makes the same from the same description.
 */
// deno-lint-ignore no-import-prefix -- in deno.json every user of the package would see it
import { build, emptyDir } from "jsr:@deno/dnt@^0.42.3";
import * as path from "node:path";
import { entryPoints, fields, OUTPUT, TARGET, typePackages } from "./npm/description.ts";
import { finish } from "./npm/finish.ts";
import { pack } from "./npm/pack.ts";
import { root } from "./runtimes.ts";

const folder = path.join(root, OUTPUT);
await emptyDir(folder);
await build({
  entryPoints: Object.entries(entryPoints).map(([name, module]) => ({
    name,
    path: path.join(root, module),
  })),
  outDir: folder,
  // A shim of Deno has no FFI, and would make the package think that it runs in Deno.
  shims: {},
  test: false,
  typeCheck: "both",
  declaration: "inline",
  skipSourceOutput: true,
  compilerOptions: { target: TARGET, lib: ["ESNext"], skipLibCheck: true },
  package: { ...fields(), devDependencies: typePackages() },
  async postBuild() {
    // It also writes package.json anew: what dnt adds there is for its own run.
    await finish(folder);
    pack(folder);
  },
});
