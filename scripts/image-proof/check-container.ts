import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { proofCommit } from "./buildah.ts";
import type { Buildah, ImageConfig } from "./buildah.ts";
import { startContainer } from "./container.ts";
import type { Container, ContainerOptions } from "./container.ts";
import { demand } from "./report.ts";
import type { Report } from "./report.ts";

const patienceMs = 20_000;

/** Runs the image and looks at all that Sentinel promises of it. */
export async function checkContainer({
  buildah,
  image,
  scratch,
  report,
}: {
  readonly buildah: Buildah;
  readonly image: string;
  readonly scratch: string;
  readonly report: Report;
}): Promise<void> {
  const config = await buildah.configOf(image);
  const container = await buildah.run("from", image);
  const root = await buildah.run("mount", container);
  const port = String(await freePort());
  const dataDir = join(scratch, `data-${port}`);
  const options = { root, config, dataDir, env: { SENTINEL_PORT: port } };
  const url = `http://127.0.0.1:${port}`;
  try {
    await report.check("size", async () => `${await buildah.sizeOf(image)}, base included`);
    await checkConfig(config, report);
    await checkFirstRun(options, url, report);
    await checkLaterRuns(options, url, report);
  } finally {
    await buildah.run("rm", container);
  }
}

async function checkConfig(config: ImageConfig, report: Report): Promise<void> {
  await report.check("configuration", () => {
    demand(/^[1-9]\d*:[1-9]\d*$/.test(config.User), `the user is ${config.User}`);
    demand("8000/tcp" in config.ExposedPorts, "port 8000 is not exposed");
    const revision = config.Labels["org.opencontainers.image.revision"];
    demand(revision === proofCommit, `the revision is ${String(revision)}`);
    return Promise.resolve(`user ${config.User}, revision and port are named`);
  });
}

async function checkFirstRun(
  options: ContainerOptions,
  url: string,
  report: Report,
): Promise<void> {
  await using sentinel = await startContainer(options);
  const readyMs = await untilReady(sentinel, url);
  await report.check("first start", () => Promise.resolve(`ready after ${readyMs.toFixed(0)} ms`));
  await report.check("privileges", () => privilegesOf(sentinel));
  await report.check("read-only root", async () => {
    const written = await sentinel.execAsRoot("touch", "/app/written").then(
      () => "written",
      (error: unknown) => String(error),
    );
    demand(written.includes("Read-only file system"), `root could write: ${written}`);
    return "even root cannot write";
  });
  await report.check("first curl", async () => {
    const [, key = ""] = /API key\s+(sk-sentinel-\S+)/.exec(sentinel.printed()) ?? [];
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello!"}]}',
    });
    demand(response.status === 200, `${response.status} ${await response.text()}`);
    return "the demo answers with the key that was printed";
  });
  await report.check("health check", () => healthOf(sentinel, options.config));
  await report.check("command line", async () => {
    const list = await sentinel.exec("sentinel", "audit", "list");
    demand(list.includes("gpt-4o-mini"), `audit list says: ${list}`);
    return "sentinel audit list, inside, shows the request";
  });
  await report.check("build_info", async () => {
    const text = await (await fetch(`${url}/metrics/prometheus`)).text();
    demand(text.includes(`commit="${proofCommit}"`), "the commit is not in build_info");
    return "has the commit";
  });
  await report.check("one Node", async () => {
    const found = await sentinel.execAsRoot("find", "/app", "-name", "node", "-type", "f");
    demand(found === "", `there are more: ${found}`);
    return "none but the base's";
  });
  await report.check("SIGTERM", async () => {
    const begin = performance.now();
    await sentinel.kill("SIGTERM");
    const code = await within(patienceMs, sentinel.ended, "it did not end");
    demand(code === 0, `exit code ${String(code)}:\n${sentinel.printed()}`);
    return `exit code 0 after ${(performance.now() - begin).toFixed(0)} ms`;
  });
}

async function privilegesOf(sentinel: Container): Promise<string> {
  const status = await readFile(`/proc/${await sentinel.pid()}/status`, "utf8");
  const field = (name: string): string =>
    new RegExp(`^${name}:\\s+(.*)$`, "m").exec(status)?.[1] ?? "";
  demand(field("NSpid").endsWith("\t1"), `it is not process 1 but ${field("NSpid")}`);
  demand(!field("Uid").split("\t").includes("0"), `its users are ${field("Uid")}`);
  demand(/^0+$/.test(field("CapEff")), `its capabilities are ${field("CapEff")}`);
  demand(field("NoNewPrivs") === "1", "it may get new privileges");
  return `process 1, user ${field("Uid").split("\t")[0] ?? ""}, no capabilities`;
}

/** As the image says how. */
async function healthOf(sentinel: Container, { Healthcheck }: ImageConfig): Promise<string> {
  const [kind, ...command] = Healthcheck.Test;
  demand(kind === "CMD", `it is ${String(kind)}`);
  const begin = performance.now();
  await sentinel.exec(...command);
  return `healthy, asked in ${(performance.now() - begin).toFixed(0)} ms`;
}

async function checkLaterRuns(
  options: ContainerOptions,
  url: string,
  report: Report,
): Promise<void> {
  await report.check("start, median of 7", async () => {
    const withCache = await medianStart(options, url);
    const env = { ...options.env, NODE_DISABLE_COMPILE_CACHE: "1" };
    const without = await medianStart({ ...options, env }, url);
    const [cached, plain] = [withCache.toFixed(0), without.toFixed(0)];
    return `${cached} ms with the image's compile cache, ${plain} ms without`;
  });
  await report.check("SIGTERM while it starts", async () => {
    const dataDir = `${options.dataDir}-broken-off`;
    await using sentinel = await startContainer({ ...options, dataDir });
    // From now on it opens its stores. (Before Node runs anything, process 1 is not to be stopped.)
    await untilItHasFiles(dataDir);
    const isEarly = !sentinel.printed().includes("listening");
    const begin = performance.now();
    await sentinel.kill("SIGTERM");
    const code = await within(patienceMs, sentinel.ended, "it did not end");
    const when = isEarly ? "before it listens" : "as it listens already";
    return `${when}, ends with ${String(code)} after ${(performance.now() - begin).toFixed(0)} ms`;
  });
}

async function untilItHasFiles(dataDir: string): Promise<void> {
  const begin = performance.now();
  while ((await readdir(dataDir)).length === 0) {
    demand(performance.now() - begin < patienceMs, "it opens nothing");
    await sleep(2);
  }
}

async function within<Result>(ms: number, awaited: Promise<Result>, late: string): Promise<Result> {
  const timeUp = new AbortController();
  const rejection = sleep(ms, undefined, { signal: timeUp.signal }).then(() => {
    throw new Error(late);
  });
  try {
    return await Promise.race([awaited, rejection]);
  } finally {
    timeUp.abort();
    rejection.catch(() => undefined); // Nobody waits for it any more.
  }
}

async function medianStart(options: ContainerOptions, url: string): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    await using sentinel = await startContainer(options);
    times.push(await untilReady(sentinel, url));
    // It drains from here on; it answers some milliseconds before.
    await untilPrinted(sentinel, '"msg":"listening"');
    await sentinel.kill("SIGTERM");
    demand((await sentinel.ended) === 0, `it did not end in order:\n${sentinel.printed()}`);
  }
  return times.sort((left, right) => left - right)[3] ?? NaN;
}

async function untilPrinted(sentinel: Container, text: string): Promise<void> {
  const begin = performance.now();
  while (!sentinel.printed().includes(text)) {
    demand(performance.now() - begin < patienceMs, `it does not print ${text}`);
    await sleep(5);
  }
}

async function untilReady(sentinel: Container, url: string): Promise<number> {
  const begin = performance.now();
  const ended = { is: false };
  void sentinel.ended.then(() => (ended.is = true));
  for (;;) {
    const response = await fetch(`${url}/health/ready`).catch(() => undefined); // Not yet.
    const tookMs = performance.now() - begin;
    await response?.body?.cancel();
    if (response?.status === 200) return tookMs;
    demand(!ended.is && tookMs < patienceMs, `it is not ready:\n${sentinel.printed()}`);
    await sleep(5);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
