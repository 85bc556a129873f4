import { execFile } from "node:child_process";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";

import { expect, test } from "vitest";

import { isSqliteNewEnough } from "../../../src/stores/sqlite/migrate.ts";
import { connectTo, openDatabase, waitingCallsMax } from "../../../src/stores/sqlite/open.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const insert = "INSERT INTO platform (name, value) VALUES (?, ?)";
const names = "SELECT name FROM platform ORDER BY name";

test("what was written is there after the database was closed and opened again", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "meta.db");
  {
    await using database = await openDatabase({ path });
    expect(await database.run(insert, ["a", "1"])).toBe(1);
  }
  await using database = await openDatabase({ path });
  expect(await database.all(names)).toEqual([{ name: "a" }]);
});

test("the folder and its files are for this user alone", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "new", "data");
  await using database = await openDatabase({ path: join(dataDir, "meta.db") });
  await database.run(insert, ["a", "1"]);
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
  for (const file of ["meta.db", "meta.db-wal", "meta.db-shm"]) {
    expect((await stat(join(dataDir, file))).mode & 0o777).toBe(0o600);
  }
});

test("a commit is on disk before it is answered, and foreign keys hold", async () => {
  await using folder = await tempFolder();
  await using database = await openDatabase({ path: join(folder.path, "meta.db") });
  expect(await database.all("PRAGMA journal_mode")).toEqual([{ journal_mode: "wal" }]);
  expect(await database.all("PRAGMA synchronous")).toEqual([{ synchronous: 2 }]);
  expect(await database.all("PRAGMA foreign_keys")).toEqual([{ foreign_keys: 1 }]);
});

test("a transaction whose last statement fails leaves nothing behind, and the next one works", async () => {
  await using folder = await tempFolder();
  await using database = await openDatabase({ path: join(folder.path, "meta.db") });
  const failing = database.transaction([
    { sql: insert, params: ["a", "1"] },
    { sql: insert, params: ["a", "2"] },
  ]);
  await expect(failing).rejects.toThrow("UNIQUE constraint failed: platform.name");
  expect(await database.all(names)).toEqual([]);
  const outcome = await database.transaction([{ sql: insert, params: ["a", "1"] }]);
  expect(outcome).toEqual({ kind: "committed", changes: [1] });
});

test("a transaction is undone if a statement that must change a row changes none", async () => {
  await using folder = await tempFolder();
  await using database = await openDatabase({ path: join(folder.path, "meta.db") });
  const outcome = await database.transaction([
    { sql: insert, params: ["a", "1"] },
    { sql: "DELETE FROM platform WHERE name = ?", params: ["b"], mustChange: true },
    { sql: insert, params: ["c", "1"] },
  ]);
  expect(outcome).toEqual({ kind: "undone", statement: 1 });
  expect(await database.all(names)).toEqual([]);
});

test("calls that wait when the database is closed are still answered; later ones are refused", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "meta.db");
  const database = await openDatabase({ path });
  const writes = Array.from({ length: 50 }, (_, index) => database.run(insert, [`n${index}`, ""]));
  const closed = database[Symbol.asyncDispose]();
  await expect(database.all(names)).rejects.toThrow("The database is closed.");
  await closed;
  expect(await Promise.all(writes)).toHaveLength(50);
  await database[Symbol.asyncDispose]();

  await using again = await openDatabase({ path });
  expect(await again.all("SELECT count(*) AS count FROM platform")).toEqual([{ count: 50 }]);
});

test("a process may end without closing: it waits for its writes, and for nothing else", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "meta.db");
  const openFile = new URL("../../../src/stores/sqlite/open.ts", import.meta.url).href;
  const program = `
    const { openDatabase } = await import(${JSON.stringify(openFile)});
    const database = await openDatabase({ path: ${JSON.stringify(path)} });
    for (const name of ["a", "b", "c"]) void database.run(${JSON.stringify(insert)}, [name, ""]);`;
  await writeFile(join(folder.path, "program.mjs"), program);
  await promisify(execFile)(process.execPath, [join(folder.path, "program.mjs")]);

  await using database = await openDatabase({ path });
  expect(await database.all(names)).toEqual([{ name: "a" }, { name: "b" }, { name: "c" }]);
});

test("beyond the bound a call is refused at once, and the others are answered", async () => {
  await using folder = await tempFolder();
  await using database = await openDatabase({ path: join(folder.path, "meta.db") });
  const calls = Array.from({ length: waitingCallsMax }, () => database.all("SELECT 1"));
  await expect(database.all("SELECT 1")).rejects.toThrow("calls wait for the database already");
  expect(await Promise.all(calls)).toHaveLength(waitingCallsMax);
  expect(await database.all("SELECT 1 AS one")).toEqual([{ one: 1 }]);
});

test("when the thread dies, calls that wait are rejected, and later ones too", async () => {
  const dying = `
    const { parentPort } = require("node:worker_threads");
    parentPort.postMessage({ kind: "ready" });
    parentPort.on("message", () => { throw new Error("out of memory"); });`;
  await using database = await connectTo(new Worker(dying, { eval: true }));
  const calls = [database.all("SELECT 1"), database.run("DELETE FROM tenants")];
  for (const call of calls) await expect(call).rejects.toThrow("The database's thread has died.");
  await expect(database.all("SELECT 1")).rejects.toThrow("The database's thread has died.");
});

test("parameters that cannot be sent to the thread are refused and do not stay in the queue", async () => {
  await using folder = await tempFolder();
  await using database = await openDatabase({ path: join(folder.path, "meta.db") });
  const params = [(() => undefined) as never];
  await expect(database.all("SELECT ?", params)).rejects.toThrow("could not be cloned");
  expect(await database.all("SELECT 1 AS one")).toEqual([{ one: 1 }]);
});

test("migrations run once, in order, each as a whole", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "x.db");
  const migrations = await writeMigrations(folder.path, {
    "0001-first.sql": "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);",
  });
  await (await openDatabase({ path, migrations }))[Symbol.asyncDispose]();

  await writeMigrations(folder.path, {
    "0002-second.sql": "INSERT INTO a VALUES (2); INSERT INTO nowhere VALUES (1);",
  });
  await expect(openDatabase({ path, migrations })).rejects.toThrow("no such table: nowhere");

  await writeMigrations(folder.path, { "0002-second.sql": "INSERT INTO a VALUES (2);" });
  await (await openDatabase({ path, migrations }))[Symbol.asyncDispose]();
  await using database = await openDatabase({ path, migrations });
  expect(await database.all("SELECT x FROM a ORDER BY x")).toEqual([{ x: 1 }, { x: 2 }]);
  expect(await database.all("PRAGMA user_version")).toEqual([{ user_version: 2 }]);
});

test("two starts at the same time migrate once", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "meta.db");
  await using one = await openDatabase({ path });
  const others = await Promise.all([openDatabase({ path }), openDatabase({ path })]);
  await one.run(insert, ["a", "1"]);
  for (const other of others) {
    expect(await other.all(names)).toEqual([{ name: "a" }]);
    await other[Symbol.asyncDispose]();
  }
});

test("a database that a newer Sentinel wrote is refused, and left as it is", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "meta.db");
  {
    await using database = await openDatabase({ path });
    await database.run("PRAGMA user_version = 99");
  }
  const before = await readFile(path);
  await expect(openDatabase({ path })).rejects.toThrow(
    /meta\.db cannot be used: it was written by a newer Sentinel \(schema 99; this one knows \d+\)/,
  );
  expect(await readFile(path)).toEqual(before);
});

test("a missing migration is a mistake of ours that is found at once", async () => {
  await using folder = await tempFolder();
  const migrations = await writeMigrations(folder.path, { "0002-second.sql": "SELECT 1;" });
  const opening = openDatabase({ path: join(folder.path, "x.db"), migrations });
  await expect(opening).rejects.toThrow("number 1 is missing");
});

test("a file that is no database is refused with its path", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "meta.db");
  await writeFile(path, "not a database, but long enough to have a header ".repeat(100));
  await expect(openDatabase({ path })).rejects.toThrow(`The database ${path} cannot be used`);
});

test.each([
  ["3.37.0", true],
  ["3.53.4", true],
  ["4.0.0", true],
  ["3.36.9", false],
  ["3.9.2", false],
])("SQLite %s is new enough: %s", (version, isEnough) => {
  expect(isSqliteNewEnough(version)).toBe(isEnough);
});

async function writeMigrations(folder: string, files: Record<string, string>): Promise<URL> {
  const migrations = join(folder, "migrations");
  await mkdir(migrations, { recursive: true });
  for (const [name, sql] of Object.entries(files)) await writeFile(join(migrations, name), sql);
  return pathToFileURL(`${migrations}/`);
}
