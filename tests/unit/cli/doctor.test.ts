import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { checkDisk, judgeFileSystem, judgeRoom } from "../../../src/cli/doctor/check-disk.ts";
import { judgeHealth, judgePort } from "../../../src/cli/doctor/check-gateway.ts";
import { checkClock, checkNode, judgeDescriptors } from "../../../src/cli/doctor/check-machine.ts";
import { judgeProvider, judgeRunning } from "../../../src/cli/doctor/check-providers.ts";
import { judgeDatabases, judgeJournal, judgeRedis } from "../../../src/cli/doctor/check-stores.ts";
import { findingText } from "../../../src/cli/doctor/finding.ts";
import type { Finding } from "../../../src/cli/doctor/finding.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const words = (findings: readonly Finding[]) => findings.map(({ status }) => status);

test.each([
  ["v26.10.0", "ok"],
  ["v24.15.0", "ok"],
  ["v24.14.9", "fail"],
  ["v20.20.2", "fail"],
])("Node %s: %s", (version, status) => {
  expect(checkNode(version, "3.50.0").status).toBe(status);
});

test("so few descriptors that requests would wait for them are a warning with the limit to set", () => {
  expect(judgeDescriptors("unlimited", 10_000).status).toBe("ok");
  expect(judgeDescriptors("1048576", 10_000).status).toBe("ok");
  const few = judgeDescriptors("1024", 10_000);
  expect(few.status).toBe("warn");
  expect(few.fix).toContain("ulimit -n 20500");
  expect(few.fix).toContain("SENTINEL_MAX_INFLIGHT=262");
});

test("of several clocks the middle one is believed, and what its reading may be off is forgiven", () => {
  const reading = (aheadMs: number) => ({ source: "x", aheadMs, uncertainMs: 500 });
  expect(checkClock([reading(90_000), reading(100), reading(-400)], 3).status).toBe("ok");
  expect(checkClock([reading(2_400)], 1).status).toBe("ok");
  const behind = checkClock([reading(10_000)], 1);
  expect([behind.status, behind.what]).toEqual(["warn", "10.0 s behind x"]);
  expect(checkClock([reading(-60_000)], 1)).toMatchObject({
    status: "fail",
    what: "60.0 s ahead of x",
  });
  expect(checkClock([], 2).status).toBe("warn");
  expect(checkClock([], 0).status).toBe("ok");
});

test("a full disk fails, by bytes or by inodes; a file system that counts no inodes does not", () => {
  const room = { bsize: 4_096, bavail: 10_000_000, files: 1_000_000, ffree: 900_000 };
  const status = (change: Partial<typeof room>) => judgeRoom("data", { ...room, ...change }).status;
  expect(status({})).toBe("ok");
  expect(status({ bavail: 100_000 })).toBe("warn");
  expect(status({ bavail: 10_000 })).toBe("fail");
  expect(status({ ffree: 5_000 })).toBe("warn");
  expect(status({ ffree: 0 })).toBe("fail");
  expect(status({ files: 0, ffree: 0 })).toBe("ok");
});

test("a data directory on a network file system is a warning", () => {
  expect(words(judgeFileSystem("data", 0x6969))).toEqual(["warn"]);
  // As a signed number, as some systems give it.
  expect(words(judgeFileSystem("data", 0xff534d42 | 0))).toEqual(["warn"]);
  expect(judgeFileSystem("data", 0xef53)).toEqual([]);
});

test("secrets that others can read fail, with the command that closes them", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "credentials.json");
  await writeFile(path, "{}", { mode: 0o600 });
  const before = await checkDisk(folder.path);
  expect(before.find(({ area }) => area === "permissions")?.status).toBe("ok");
  await chmod(path, 0o644);
  const after = await checkDisk(folder.path);
  expect(after.find(({ area }) => area === "permissions")).toMatchObject({
    status: "fail",
    fix: `chmod 600 ${path}`,
  });
});

test("a data directory that is not there yet is no fault", async () => {
  await using folder = await tempFolder();
  expect(words(await checkDisk(join(folder.path, "not", "yet")))).toEqual(["ok"]);
});

test("what a provider said to its keys", () => {
  const check = { key: "sk-…1234", models: 0, status: undefined, detail: "" };
  const status = (change: object) =>
    words(judgeProvider("openai", [{ ...check, outcome: "listed", ...change }]));
  expect(status({ models: 12, status: 200 })).toEqual(["ok"]);
  expect(status({ outcome: "refused", status: 401 })).toEqual(["fail"]);
  expect(status({ outcome: "no list", status: 404 })).toEqual(["warn"]);
  expect(status({ outcome: "unreachable" })).toEqual(["fail"]);
  expect(words(judgeProvider("azure", undefined))).toEqual(["warn"]);
});

test("what the running gateway finds down is told, what is well is not repeated", () => {
  const provider = (name: string, health: string) => ({ name, status: { health } });
  const found = judgeRunning([
    provider("a", "ok"),
    provider("b", "down"),
    provider("c", "degraded"),
    { name: "d", status: null },
    { name: "e", problem: "it cannot be opened" },
  ]);
  expect(words(found)).toEqual(["fail", "warn", "fail"]);
});

test("parts of a running gateway that are degraded are warnings", () => {
  const health = {
    version: "1",
    status: "degraded",
    parts: [
      { name: "journal", state: "ok" },
      {
        name: "limits",
        state: "degraded",
        since: "2026-11-21T10:00:00Z",
        detail: "Redis is gone.",
      },
    ],
  };
  const found = judgeHealth("http://x", health);
  expect(words(found)).toEqual(["warn", "warn"]);
  expect(found[1]?.what).toContain("Redis is gone.");
});

test.each(["EADDRINUSE", "EACCES", "EADDRNOTAVAIL"])(
  "a port with %s fails, and says which setting",
  (code) => {
    const found = judgePort({ host: "127.0.0.1", port: 80, variable: "SENTINEL_PORT", code });
    expect(found.status).toBe("fail");
    expect(found.fix).toContain("SENTINEL_PORT");
  },
);

test("a journal that grows, has died writers beside a running gateway, or quarantined lines is a warning", () => {
  const settings = { accounting: { journalBytesMax: 1_000 } } as Parameters<typeof judgeJournal>[1];
  const journal = { bytes: 100, writers: 1, ownerless: 1, quarantined: 0 };
  const status = (change: object, isRunning = false) =>
    words(judgeJournal({ ...journal, ...change }, settings, isRunning));
  expect(status({})).toEqual(["ok"]);
  expect(status({}, true)).toEqual(["ok", "warn"]);
  expect(status({ bytes: 501 })).toEqual(["warn"]);
  expect(status({ quarantined: 3 })).toEqual(["ok", "warn"]);
  expect(status({ writers: 0, bytes: 0 })).toEqual(["ok"]);
});

test("databases that are damaged fail", () => {
  expect(words(judgeDatabases([]))).toEqual(["ok"]);
  const states = [
    { name: "meta.db", fault: undefined },
    { name: "ledger.db", fault: "database disk image is malformed" },
  ];
  expect(words(judgeDatabases(states))).toEqual(["ok", "fail"]);
});

test("a Redis that is far away, nearly full or set up badly", () => {
  const server = {
    name: "h:6379",
    version: "7.0.15",
    pingMs: 0.4,
    aheadMs: 0,
    memoryBytes: 10,
    memoryBytesMax: 0,
    warnings: [],
  };
  const status = (change: object) => words(judgeRedis([{ ...server, ...change }]));
  expect(status({})).toEqual(["ok"]);
  expect(status({ pingMs: 12 })).toEqual(["warn"]);
  expect(status({ pingMs: 60 })).toEqual(["fail"]);
  expect(status({ memoryBytesMax: 11 })).toEqual(["ok", "warn"]);
  expect(status({ warnings: ["maxmemory-policy is allkeys-lru"] })).toEqual(["ok", "warn"]);
});

test("a finding is a line, and what to do about it another", () => {
  const finding = {
    status: "fail",
    area: "disk",
    what: "full\u001b[2J",
    fix: "Make room.",
  } as const;
  expect(findingText(finding)).toBe(
    "fail  disk           full?[2J\n                     → Make room.",
  );
});
