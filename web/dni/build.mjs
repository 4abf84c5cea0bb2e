// Builds dist/ccp.js and dist/manifest.json, and fails when the script is larger than its budget, or another one than was released
// under its version: what stands behind an address never changes. `--release` puts a new version into releases/.
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

/** Bytes after gzip -9: three packets of a fresh connection at most. */
const BUDGET = 3072;

const at = (path) => new URL(path, import.meta.url);
const { version } = JSON.parse(await readFile(at("package.json"), "utf8"));
const { outputFiles } = await build({
  entryPoints: [at("src/main.ts").pathname],
  bundle: true,
  write: false,
  format: "esm",
  target: "es2021",
  // Strictness is the compiler's; the browser need not be told.
  tsconfigRaw: {},
});
// Whatever goes wrong at the start, the page goes on as if the script were not there.
// `let` keeps the names inside the block below, where `var` would give them to the page; one word for all compresses best.
const { code } = await minify(outputFiles[0].text.replace(/\b(var|const) /g, "let "), {
  ecma: 2020,
  module: true,
  compress: { passes: 5, unsafe: true, unsafe_arrows: true, inline: 1 },
  format: { ascii_only: true, comments: false },
});
const script = Buffer.from(`try{${code}}catch{}`);
const gzip = gzipSync(script, { level: 9 }).length;
const integrity = "sha384-" + createHash("sha384").update(script).digest("base64");

await mkdir(at("dist"), { recursive: true });
await writeFile(at("dist/ccp.js"), script);
const manifest = JSON.stringify({ version, file: "ccp.js", bytes: script.length, gzip, integrity }, null, 2) + "\n";
await writeFile(at("dist/manifest.json"), manifest);

console.log(`ccp.js ${version}: ${script.length} bytes, ${gzip} after gzip -9 (budget ${BUDGET})`);
if (gzip > BUDGET) {
  console.error(`too large by ${gzip - BUDGET} bytes`);
  process.exit(1);
}

const released = await readFile(at(`releases/${version}/ccp.js`)).catch(() => null);
if (released && !released.equals(script)) {
  console.error(`${version} was released and is another script: raise the version in package.json, then node build.mjs --release`);
  process.exit(1);
}
if (process.argv.includes("--release")) {
  await mkdir(at(`releases/${version}`), { recursive: true });
  await writeFile(at(`releases/${version}/ccp.js`), script);
  // The newest release: what `v1` serves, and what the API's snippets name.
  await writeFile(at("releases/manifest.json"), manifest);
} else if (!released) {
  console.error(`${version} was not released: node build.mjs --release`);
  process.exit(1);
}
