import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { expect, test } from "vitest";

import { startSentinel } from "../support/process.ts";
import { runCli } from "../support/run-cli.ts";

test("a command finds the admin port of the gateway that runs on the data directory", async () => {
  await using sentinel = await startSentinel({ env: { SENTINEL_ADMIN_PORT: "0" } });
  const cwd = dirname(sentinel.dataDir);

  const tenants = await runCli(["tenants", "list", "--json"], { cwd });
  expect(tenants).toMatchObject({ code: 0, stderr: "" });
  expect(tenants.stdout).toContain('"default"');
  const usage = await runCli(["usage"], { cwd });
  expect(usage).toMatchObject({ code: 0, stderr: "" });
});

test("a command that cannot do what it was asked says why, in one line and without a stack", async () => {
  await using sentinel = await startSentinel();
  await sentinel.stop();
  await rm(join(sentinel.dataDir, "audit.key"));

  const ended = await runCli(["audit", "verify"], { cwd: dirname(sentinel.dataDir) });
  expect(ended).toMatchObject({ code: 1, stdout: "" });
  expect(ended.stderr).toMatch(/^The key is missing: set SENTINEL_MASTER_KEY[^\n]*\n$/);
});
