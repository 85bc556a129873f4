import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { z } from "zod";

import { commandExists } from "./command-exists.ts";
import { freePort } from "./redis.ts";

/** A real Prometheus of a test's own, on a free port, that scrapes what it is told. */
export interface Prometheus extends AsyncDisposable {
  readonly url: string;
  /** An instant query, of this moment. Rejects with what Prometheus has against the expression. */
  query(expr: string): Promise<readonly Sample[]>;
  /** Every alert that is pending or firing. */
  alerts(): Promise<readonly Alert[]>;
  targets(): Promise<readonly Target[]>;
  /** Rules that could not be evaluated, with the reason. */
  failingRules(): Promise<readonly string[]>;
  /** The labels of the exemplars that were scraped for a selector. */
  exemplars(selector: string): Promise<readonly Labels[]>;
}

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface Alert {
  readonly name: string;
  readonly state: "pending" | "firing";
  readonly labels: Labels;
}

export interface Target {
  readonly instance: string;
  readonly health: string;
  readonly lastError: string;
}

export interface PrometheusOptions {
  /** Base URLs of gateways; each is an instance of the job `sentinel`. */
  readonly gateways: readonly string[];
  readonly metricsToken?: string;
  /** The texts of rule files. */
  readonly rules?: readonly string[];
  readonly scrapeMs?: number;
}

const startsMax = 5;

export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  if (!commandExists("prometheus")) {
    throw new Error("These tests need Prometheus: apt-get install prometheus.");
  }
  const folder = await mkdtemp(join(tmpdir(), "sentinel-prometheus-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  try {
    await writeFiles(folder, options);
    for (let start = 1; ; start += 1) {
      try {
        // Another process may take the port between our look and the start: then another one is tried.
        const running = await startProcess(folder, await freePort());
        return { ...running, [Symbol.asyncDispose]: () => running.stop().then(remove) };
      } catch (error) {
        if (start === startsMax || !String(error).includes("address already in use")) throw error;
      }
    }
  } catch (error) {
    await remove();
    throw error;
  }
}

/** As `monitoring/prometheus.yml`, at a pace that a test can wait for. JSON is YAML. */
async function writeFiles(
  folder: string,
  { gateways, metricsToken, rules = [], scrapeMs = 1_000 }: PrometheusOptions,
): Promise<void> {
  const ruleFiles = rules.map((_, index) => join(folder, `rules-${index}.yml`));
  const config = {
    global: { scrape_interval: `${scrapeMs}ms`, scrape_timeout: `${scrapeMs}ms` },
    rule_files: ruleFiles,
    scrape_configs: [
      {
        job_name: "sentinel",
        metrics_path: "/metrics/prometheus",
        ...(metricsToken !== undefined && { authorization: { credentials: metricsToken } }),
        static_configs: [{ targets: gateways.map((url) => new URL(url).host) }],
      },
    ],
  };
  await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config));
  await Promise.all(ruleFiles.map((path, index) => writeFile(path, rules[index] ?? "")));
}

type Running = Omit<Prometheus, typeof Symbol.asyncDispose> & { stop(): Promise<void> };

const readyText = "Server is ready to receive web requests";
const patienceMs = 15_000;
const running = new Set<ChildProcess>();

/** A test run that is broken off leaves no process behind. */
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

async function startProcess(folder: string, port: number): Promise<Running> {
  const child = spawn(
    "prometheus",
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--enable-feature=exemplar-storage",
    ],
    { env: { PATH: process.env["PATH"], GOMAXPROCS: "1" }, stdio: ["ignore", "ignore", "pipe"] },
  );
  running.add(child);
  const over = once(child, "exit").finally(() => running.delete(child));
  await untilPrinted(child, readyText);
  const url = `http://127.0.0.1:${port}`;
  return {
    ...clientOf(url),
    url,
    stop: async () => {
      child.kill("SIGKILL");
      await over;
    },
  };
}

function untilPrinted(child: ChildProcess, wanted: string): Promise<void> {
  let printed = "";
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(`Prometheus ${why}:\n${printed}`));
    };
    const timer = setTimeout(fail, patienceMs, `was not ready after ${patienceMs} ms`);
    child.stderr?.on("data", (part: Buffer) => {
      printed = (printed + part.toString()).slice(-20_000);
      if (!printed.includes(wanted)) return;
      clearTimeout(timer);
      resolve();
    });
    child.once("error", (error) => fail(`cannot be started: ${error.message}`));
    child.once("close", (code) => fail(`ended with ${code ?? "a signal"}`));
  });
}

const labels = z.record(z.string(), z.string());
const answer = z.discriminatedUnion("status", [
  z.object({ status: z.literal("success"), data: z.unknown() }),
  z.object({ status: z.literal("error"), error: z.string() }),
]);
const vector = z.object({
  resultType: z.literal("vector"),
  result: z.array(
    z
      .object({ metric: labels, value: z.tuple([z.number(), z.string()]) })
      .transform(({ metric, value: [, value] }): Sample => ({
        labels: metric,
        value: numberOf(value),
      })),
  ),
});
const scalar = z.object({
  resultType: z.literal("scalar"),
  result: z.tuple([z.number(), z.string()]),
});
const alertList = z.object({
  alerts: z.array(z.object({ labels, state: z.enum(["pending", "firing"]) })),
});
const targetList = z.object({
  activeTargets: z.array(z.object({ labels, health: z.string(), lastError: z.string() })),
});
const ruleGroups = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({ name: z.string(), health: z.string(), lastError: z.string().optional() }),
      ),
    }),
  ),
});
const exemplarList = z.array(z.object({ exemplars: z.array(z.object({ labels })) }));

/** Prometheus writes `+Inf` and `-Inf`, which `Number` does not read. */
const numberOf = (text: string): number => Number(text.replace("Inf", "Infinity"));

function clientOf(url: string): Omit<Prometheus, "url" | typeof Symbol.asyncDispose> {
  const ask = async (path: string, parameters: Record<string, string> = {}): Promise<unknown> => {
    const response = await fetch(`${url}/api/v1/${path}`, {
      method: "POST",
      body: new URLSearchParams(parameters),
    });
    return dataOf(await response.json());
  };
  const look = async (path: string): Promise<unknown> =>
    dataOf(await (await fetch(`${url}/api/v1/${path}`)).json());
  return {
    query: async (expr) => {
      const data = z.union([vector, scalar]).parse(await ask("query", { query: expr }));
      if (data.resultType === "vector") return data.result;
      return [{ labels: {}, value: numberOf(data.result[1]) }];
    },
    alerts: async () =>
      alertList.parse(await look("alerts")).alerts.map(({ labels: all, state }) => {
        const { alertname: name = "", ...rest } = all;
        return { name, state, labels: rest };
      }),
    targets: async () =>
      targetList.parse(await look("targets")).activeTargets.map(({ labels: all, ...rest }) => ({
        instance: all["instance"] ?? "",
        ...rest,
      })),
    failingRules: async () =>
      ruleGroups
        .parse(await look("rules"))
        .groups.flatMap(({ rules }) => rules)
        .filter(({ health }) => health === "err")
        .map(({ name, lastError = "" }) => `${name}: ${lastError}`),
    exemplars: async (selector) => {
      const now = Date.now() / 1_000;
      const range = { start: String(now - 600), end: String(now + 1) };
      const found = exemplarList.parse(await ask("query_exemplars", { query: selector, ...range }));
      return found.flatMap(({ exemplars }) => exemplars.map((one) => one.labels));
    },
  };
}

function dataOf(said: unknown): unknown {
  const parsed = answer.parse(said);
  if (parsed.status === "error") throw new Error(parsed.error);
  return parsed.data;
}
