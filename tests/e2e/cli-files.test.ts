import { cp, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, test } from "vitest";

import { signCheckpoint } from "../../src/pipeline/audit/chain.ts";
import type { ChainCheckpoint } from "../../src/pipeline/audit/chain.ts";
import { openAuditKeys } from "../../src/stores/disk/audit-keys.ts";
import { startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import { commandExists } from "../support/command-exists.ts";
import { startRedis } from "../support/redis.ts";
import { runCli } from "../support/run-cli.ts";
import { tempFolder } from "../support/temp-folder.ts";

async function ask({ url, apiKey }: SentinelProcess, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "demo", messages: [{ role: "user", content: "Hi" }] }),
    });
    expect(response.status).toBe(200);
    await response.text();
  }
}

/** What was settled is in the files when the gateway can show it. */
async function requestsCounted({ dataDir }: SentinelProcess): Promise<unknown> {
  const usage = await runCli(["usage", "--json"], { cwd: dirname(dataDir) });
  return (usage.json()["totals"] as { requests?: number }).requests;
}

test("verify finds a whole chain, then names the record that somebody changed", async () => {
  await using sentinel = await startSentinel();
  await ask(sentinel, 5);
  expect(await requestsCounted(sentinel)).toBe(5);
  const cwd = dirname(sentinel.dataDir);
  const online = await runCli(["audit", "verify"], { cwd });
  expect(online).toMatchObject({ code: 0, stderr: "" });
  expect(online.stdout).toMatch(/^ok +5 records/);

  await sentinel.stop();
  const folder = join(sentinel.dataDir, "audit");
  const [name = ""] = (await readdir(folder)).filter((each) => /^audit-\d+\.db$/.test(each));
  const path = join(folder, name);
  await cp(folder, join(cwd, "intact"), { recursive: true });

  const third = changeThird(path);
  const changed = await runCli(["audit", "verify"], { cwd });
  expect(changed.code).toBe(1);
  expect(changed.stderr).toContain(third);
  expect(changed.stderr).toContain("changed");
  const report = await runCli(["audit", "verify", "--json"], { cwd });
  expect(report.json()).toMatchObject({
    records: 5,
    problems: [{ kind: "changed", id: third, seq: 3 }],
  });

  await rm(folder, { recursive: true });
  await cp(join(cwd, "intact"), folder, { recursive: true });
  expect((await runCli(["audit", "verify"], { cwd })).code).toBe(0);

  await rm(join(sentinel.dataDir, "audit.key"));
  const keyless = await runCli(["audit", "verify"], { cwd });
  expect(keyless).toMatchObject({ code: 1, stdout: "" });
  expect(keyless.stderr).toContain("The key is missing");
});

test("a tail that was cut off shows by a checkpoint that was kept elsewhere", async () => {
  await using sentinel = await startSentinel();
  await ask(sentinel, 3);
  expect(await requestsCounted(sentinel)).toBe(3);
  await sentinel.stop();
  const cwd = dirname(sentinel.dataDir);
  const folder = join(sentinel.dataDir, "audit");
  const [name = ""] = (await readdir(folder)).filter((each) => /^audit-\d+\.db$/.test(each));
  const point = checkpointOf(join(folder, name));
  const { chainKey } = await openAuditKeys(sentinel.dataDir, undefined);
  const { epochMs, ...fields } = point;
  const line = { ...fields, epoch_ms: epochMs, signature: signCheckpoint(chainKey, point) };
  await writeFile(join(cwd, "points.jsonl"), `${JSON.stringify(line)}\n`);
  const forged = JSON.stringify({ ...line, count: line.count + 1 });
  await writeFile(join(cwd, "forged.jsonl"), `${forged}\n`);
  await writeFile(join(cwd, "rubbish.jsonl"), "no checkpoint\n");
  const verify = (...args: string[]) => runCli(["audit", "verify", ...args], { cwd });

  const whole = await verify("--checkpoints", "points.jsonl");
  expect(whole.stdout, "its own, and the one that was kept").toContain(
    "2 checkpoints: the chain is whole",
  );
  expect((await verify("--checkpoints", "forged.jsonl")).stderr).toContain("not signed");
  expect((await verify("--checkpoints", "rubbish.jsonl")).stderr).toContain(
    "Line 1 is no checkpoint",
  );
  expect((await verify("--checkpoints", "nowhere.jsonl")).stderr).toContain("cannot be read");

  const database = new DatabaseSync(join(folder, name));
  database.exec("DELETE FROM records WHERE seq = 3");
  database.close();
  const cut = await verify("--checkpoints", "points.jsonl");
  expect(cut.code).toBe(1);
  expect(cut.stderr).toContain(point.writer);
  expect(cut.stderr).toMatch(/cut|missing/);
});

/** The end of the only writer's chain. */
function checkpointOf(path: string): ChainCheckpoint {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const row = database
      .prepare(
        "SELECT writers.writer, seq, lower(hex(hash)) AS hash FROM records JOIN writers ON writers.number = records.writer ORDER BY seq DESC",
      )
      .get();
    const seq = Number(row?.["seq"]);
    return {
      writer: String(row?.["writer"]),
      seq,
      count: seq,
      hash: String(row?.["hash"]),
      epochMs: Date.now(),
    };
  } finally {
    database.close();
  }
}

/** Changes one digit of the third record, and returns its id. */
function changeThird(path: string): string {
  const database = new DatabaseSync(path);
  try {
    const record = database.prepare("SELECT text FROM records WHERE seq = 3").get();
    const text = String(record?.["text"]);
    const changed = text.replace('"status":200', '"status":201');
    database.prepare("UPDATE records SET text = ? WHERE seq = 3").run(changed);
    return (JSON.parse(text) as { id: string }).id;
  } finally {
    database.close();
  }
}

test("a backup that was made online can be started from, as it says", async () => {
  await using folder = await tempFolder();
  const env = {
    SENTINEL_DEFAULT_KEY: "sk-test-key-of-the-default-tenant",
    SENTINEL_ADMIN_TOKEN: "test-admin-token-0123456789",
  };
  {
    await using sentinel = await startSentinel({ folder: folder.path, env });
    await ask(sentinel, 4);
    const cli = (...args: string[]) => runCli(args, { cwd: folder.path, env });
    await cli("tenants", "create", "Kept", "--id", "kept");
    expect((await cli("usage", "--json")).code).toBe(0);
    const backup = await cli("backup", "copy");
    expect(backup).toMatchObject({ code: 0, stderr: "" });
    expect(backup.stdout).toContain("meta.db");
    expect(backup.stdout).toContain("To restore: stop Sentinel");
    const again = await cli("backup", "copy");
    expect(again).toMatchObject({ code: 1, stdout: "" });
    expect(again.stderr).toContain("is not empty");
    await sentinel.stop();
  }
  await rm(join(folder.path, "data"), { recursive: true });
  await cp(join(folder.path, "copy"), join(folder.path, "data"), { recursive: true });
  await using restored = await startSentinel({ folder: folder.path, env });
  const cli = (...args: string[]) => runCli(args, { cwd: folder.path, env });
  expect((await cli("tenants", "show", "kept")).code).toBe(0);
  expect(await requestsCountedWith(cli)).toBe(4);
  expect((await cli("audit", "verify")).code).toBe(0);
  await ask(restored, 1);
  expect(await requestsCountedWith(cli)).toBe(5);
});

async function requestsCountedWith(
  cli: (...args: string[]) => ReturnType<typeof runCli>,
): Promise<unknown> {
  return ((await cli("usage", "--json")).json()["totals"] as { requests?: number }).requests;
}

test("without a gateway the doctor looks at the port, and verify and backup say what is missing", async () => {
  await using folder = await tempFolder();
  const cli = (...args: string[]) =>
    runCli(args, { cwd: folder.path, env: { SENTINEL_PORT: "0" } });
  const doctor = await cli("doctor");
  expect(doctor.code).toBe(0);
  expect(doctor.stdout).toContain("does not run; any port");
  for (const args of [
    ["audit", "verify"],
    ["backup", "copy"],
  ]) {
    const ended = await cli(...args);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toContain("There is no data directory");
  }
  // Looking has made nothing.
  expect(await readdir(folder.path)).toEqual([]);
});

test.skipIf(!commandExists("redis-server"))(
  "with Redis, a backup has what lives there, and an empty Redis gets it back",
  async () => {
    await using redis = await startRedis({ appendOnly: true });
    await using folder = await tempFolder();
    const env = {
      SENTINEL_REDIS_URL: redis.url,
      SENTINEL_DEFAULT_KEY: "sk-test-key-of-the-default-tenant",
      SENTINEL_ADMIN_TOKEN: "test-admin-token-0123456789",
    };
    const cli = (...args: string[]) => runCli(args, { cwd: folder.path, env });
    {
      await using sentinel = await startSentinel({ folder: folder.path, env });
      await cli("tenants", "create", "Kept", "--id", "kept");
      await ask(sentinel, 3);
      expect(await requestsCountedWith(cli)).toBe(3);
      const doctor = await cli("doctor");
      expect(doctor.stdout).toMatch(/ok +redis +\S+: version 7/);
      // There is no meta.db, and no start makes one.
      expect(doctor.stdout).not.toContain("no databases yet");
      const backup = await cli("backup", "copy");
      expect(backup).toMatchObject({ code: 0, stderr: "" });
      expect(backup.stdout).toContain("redis.jsonl");
      const full = await cli("restore", "copy");
      expect(full).toMatchObject({ code: 1, stdout: "" });
      expect(full.stderr).toContain("Redis is not empty");
      await sentinel.stop();
    }
    await redis.command("FLUSHALL");
    expect((await cli("restore", "copy")).stdout).toContain("keys are in Redis");
    await using restored = await startSentinel({ folder: folder.path, env });
    expect((await cli("tenants", "show", "kept")).code).toBe(0);
    await ask(restored, 1);
    expect(await requestsCountedWith(cli)).toBe(4);
    // A Redis that was put back from a backup is not one that has lost everything.
    expect(restored.lines.map(({ kind }) => kind)).not.toContain("sink_lost");
    expect((await cli("doctor")).stdout).not.toContain("shared_data is degraded");
  },
);
