// Where this machine gets Debian packages from.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The fields of one apt source that matter here. */
interface AptSource {
  uris: string[];
  suites: string[];
  components: string[];
}

/** The mirror that this machine installs Debian itself from. */
export function debianMirror(): string {
  const release = readFileSync("/etc/os-release", "utf8");
  const codename = /^VERSION_CODENAME="?([\w-]+)/m.exec(release)?.[1] ?? "stable";
  // Other sources of the machine are not Debian, and security or backports are not all of it.
  const names = [codename, "stable", "testing", "unstable", "sid"];
  for (const source of aptSources()) {
    if (!source.components.includes("main")) continue;
    if (!source.suites.some((suite) => names.includes(suite))) continue;
    const uri = source.uris.map(resolveMirrorList).find((uri) => /^https?:/.test(uri));
    if (uri !== undefined) return uri;
  }
  throw new Error("no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d");
}

/** `mirror+file:` names a list of mirrors instead of being one. */
function resolveMirrorList(uri: string): string {
  const list = /^mirror\+file:\/*(\/.*)$/.exec(uri)?.[1];
  if (list === undefined) return uri;
  return readFileSync(list, "utf8").split("\n").find((line) => /^https?:/.test(line))
    ?.split(/\s/)[0] ?? "";
}

function aptSources(): AptSource[] {
  const dir = "/etc/apt/sources.list.d";
  const files = (existsSync(dir) ? readdirSync(dir).sort() : []).map((name) => join(dir, name));
  return ["/etc/apt/sources.list", ...files].filter((file) => existsSync(file)).flatMap((file) => {
    const text = readFileSync(file, "utf8").replace(/^\s*#.*\n?/gm, "");
    if (file.endsWith(".sources")) return text.split(/\n\s*\n/).map(parseStanza);
    return file.endsWith(".list") ? text.split("\n").map(parseLine) : [];
  });
}

/** A deb822 stanza; lines that begin with a blank continue the field before. */
function parseStanza(stanza: string): AptSource {
  const field = (name: string): string[] => {
    const value = new RegExp(`^${name}:(.*(?:\n[ \t].*)*)`, "im").exec(stanza)?.[1] ?? "";
    return value.split(/\s+/).filter((word) => word !== "");
  };
  const usable = field("Types").includes("deb") && !/^Enabled:\s*no/im.test(stanza);
  return {
    uris: usable ? field("URIs") : [],
    suites: field("Suites"),
    components: field("Components"),
  };
}

/** A line of the older form: `deb [options] uri suite component…`. */
function parseLine(line: string): AptSource {
  const words = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)$/.exec(line);
  if (words === null) return { uris: [], suites: [], components: [] };
  const [, uri = "", suite = "", components = ""] = words;
  return { uris: [uri], suites: [suite], components: components.split(/\s+/) };
}
