import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

import { allExpressions } from "../../../scripts/make-dashboards/expressions.ts";
import { monitoringPath } from "../../../scripts/make-dashboards/files.ts";
import { alertRules } from "../../../scripts/make-dashboards/rules/alerts.ts";
import { recordingRules } from "../../../scripts/make-dashboards/rules/recording.ts";
import { ruleFileYaml } from "../../../scripts/make-dashboards/rules/rule-file.ts";
import { commandExists } from "../../support/command-exists.ts";
import { tempFolder } from "../../support/temp-folder.ts";

/** Debian's package `prometheus` has it. */
const withPromtool = test.skipIf(!commandExists("promtool"));
if (!commandExists("promtool")) {
  process.stderr.write("promtool is not here: the rules of monitoring/ are NOT tested.\n");
}

const run = promisify(execFile);
const ruleTestsMs = 120_000;

const ruleTests = (await readdir(monitoringPath("rules/tests"))).filter((name) =>
  name.endsWith(".test.yml"),
);

withPromtool.each(ruleTests)(
  "promtool: the cases of %s hold",
  async (name) => {
    // It exits with 1, and prints what differs, where one does not.
    const { stdout } = await run("promtool", [
      "test",
      "rules",
      monitoringPath(`rules/tests/${name}`),
    ]).catch((error: unknown) => Promise.reject(withOutput(error)));
    expect(stdout).toContain("SUCCESS");
  },
  ruleTestsMs,
);

test("every alert has a case in which it fires, and one in which it does not", async () => {
  const texts = await Promise.all(
    ruleTests.map((name) => readFile(monitoringPath(`rules/tests/${name}`), "utf8")),
  );
  const cases = texts.join("\n");
  const alerts = alertRules().flatMap(({ rules }) => rules.map(({ alert }) => alert));
  expect(alerts.filter((alert) => !cases.includes(`alertname="${alert}"`))).toEqual([]);
});

withPromtool("promtool finds nothing wrong with configuration and rules", async () => {
  await using folder = await tempFolder();
  const token = join(folder.path, "token");
  await writeFile(token, "secret");
  const text = await readFile(monitoringPath("prometheus.yml"), "utf8");
  const path = join(folder.path, "prometheus.yml");
  await writeFile(
    path,
    text
      .replace("/run/secrets/metrics_token", token)
      .replace("rules/*.yml", monitoringPath("rules/*.yml")),
  );
  const { stdout } = await run("promtool", ["check", "config", path]);
  expect(stdout).toContain("2 rule files found");
});

withPromtool(
  "every expression of dashboards and rules is one that Prometheus can read",
  async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, "expressions.json"); // Which is YAML too.
    const rules = allExpressions().map(({ kind, expr }, index) => ({
      record: `job:${kind}:number_${index}`,
      expr,
    }));
    await writeFile(path, JSON.stringify({ groups: [{ name: "expressions", rules }] }));
    const { stdout } = await run("promtool", ["check", "rules", path]).catch((error: unknown) =>
      Promise.reject(withOutput(error)),
    );
    expect(stdout).toContain(`${rules.length} rules found`);
  },
);

withPromtool("rules whose time is scaled are valid too", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "rules.yml");
  const scale = { timeScale: 1 / 60 };
  await writeFile(path, ruleFileYaml([...recordingRules(scale), ...alertRules(scale)]));
  const { stdout } = await run("promtool", ["check", "rules", path]);
  expect(stdout).toContain("SUCCESS");
});

/** What promtool printed is the message: without it nobody knows which case failed. */
function withOutput(error: unknown): Error {
  const { stdout = "", stderr = "" } = error as {
    readonly stdout?: string;
    readonly stderr?: string;
  };
  return new Error(`${stdout}${stderr}`.trim(), { cause: error });
}
