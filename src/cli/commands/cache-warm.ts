import type { Command } from "commander";

import type { Settings } from "../../config/settings.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { CachedEndpoint } from "../../pipeline/cache/cache-store.ts";
import { readCredentials } from "../../tenants/credentials-file.ts";
import { checkFile } from "../cache/check-file.ts";
import { openProgress } from "../cache/progress.ts";
import type { Progress } from "../cache/progress.ts";
import { readLines } from "../cache/read-lines.ts";
import { sendWarm } from "../cache/send-warm.ts";
import type { Sender } from "../cache/send-warm.ts";
import { readWarmLine, warmPaths } from "../cache/warm-line.ts";
import type { WarmLine } from "../cache/warm-line.ts";
import { concurrency, endpoint, headers, tags, ttlSeconds } from "../cache/warm-options.ts";
import type { Headers } from "../cache/warm-options.ts";
import { progressText, warmText } from "../cache/warm-text.ts";
import { warm } from "../cache/warm.ts";
import type { WarmEnd } from "../cache/warm.ts";
import { command, printJson, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { CommandFailed, gatewayUrl, unreachable } from "../gateway-client.ts";
import { openFile, unreadable } from "../input-file.ts";
import { onInterrupt } from "../interrupt.ts";
import { jsonObject } from "../option-values.ts";
import { grouped } from "../table.ts";

interface WarmCommandOptions extends JsonOption {
  readonly key?: string;
  readonly endpoint?: CachedEndpoint;
  readonly model?: string;
  readonly system?: string;
  readonly fields?: JsonObject;
  readonly header?: Headers;
  readonly ttl?: number;
  readonly tags?: string;
  readonly refresh?: boolean;
  readonly concurrency: number;
  readonly dryRun?: boolean;
}

const explanation = `
Each line of the file is one of:
  {"model": …, "messages": […], …}                 a request's whole body
  {"custom_id": …, "url": "/v1/…", "body": {…}}    one as in a batch file of OpenAI's
  {"prompt": "…"} or {"system": "…", "prompt": "…"}
  a prompt as plain text
Bodies are sent as they are written, and have to be what the app will send: only "stream", "user",
"metadata" and the like make no difference, nor do the order of fields and white space. A prompt is sent
with --model, --system and temperature 0; give with --fields what else the app sends.

Answers are paid for as always, and count in the limits of the key's tenant. A line that fails is told by
its number, and the others go on; a limit that is reached is waited for; a budget that is spent ends it.
Ctrl-C lets finish what runs.`;

/** `sentinel cache warm`: asks what apps will ask, so that the answers are there. */
export function warmCommand(context: CliContext): Command {
  const made = command("warm", "ask the gateway what a file says, so that the answers are kept")
    .argument("<file>", "one request or prompt a line; - for what comes in on stdin")
    .option(
      "--key <key>",
      "a tenant's, in place of SENTINEL_API_KEY; if neither is given, the first of the tenant default",
    )
    .option("--endpoint <path>", `where lines go that do not say: ${paths}`, endpoint)
    .option("--model <name>", "of prompts")
    .option("--system <text>", "system prompt of prompts")
    .option("--fields <json>", 'more fields of prompts, as {"max_tokens": 500}', jsonObject)
    .option(
      "--header <header>",
      "one that the app sends and providers answer differently to, as 'anthropic-beta: …'; may be repeated",
      headers,
    )
    .option(
      "--ttl <seconds>",
      "how long answers are kept; as the policy says if not given",
      ttlSeconds,
    )
    .option("--tags <tags>", "as team=a,feature=b: to purge by, and in the usage", tags)
    .option("--refresh", "ask anew also what is there already, and put it in its place")
    .option("--concurrency <count>", "requests at the same time", concurrency, concurrencyDefault)
    .option("--dry-run", "check the file, and send nothing")
    .addHelpText("after", explanation)
    .action((file: string, options: WarmCommandOptions) =>
      options.dryRun === true
        ? checkOnly(context, file, options)
        : warmFrom(context, file, options),
    );
  return withExamples(
    made,
    "sentinel cache warm requests.jsonl --tags source=warm",
    "sentinel cache warm questions.txt --model gpt-4o --system 'Answer in one sentence.'",
    "sentinel cache warm requests.jsonl --dry-run",
  );
}

const paths = [...warmPaths.keys()].join(", ");
const concurrencyDefault = 4;

/** So many lines that fail are named; of more, only the number. */
const namedMax = 100;

async function warmFrom(
  context: CliContext,
  file: string,
  options: WarmCommandOptions,
): Promise<void> {
  const settings = context.settings();
  const sender = await senderOf(settings, options);
  const source = openFile(file);
  const progress = openProgress(process.stderr);
  const interruption = onInterrupt(() => {
    progress.note("Stopping when what runs has ended. Ctrl-C again stops at once.");
  });
  const named = namer(progress, options);
  const end = await warm({
    lines: readLines(source, lineBytesMax(settings)),
    readLine: lineReader(options),
    send: (request) => sendWarm(request, sender),
    concurrency: options.concurrency,
    signal: interruption.signal,
    closeFile: () => source.destroy(),
    onLine: (tally, failure) => {
      if (failure !== undefined) named(failure.line, failure.what);
      progress.show(() => progressText(tally));
    },
  });
  progress.end();
  interruption.end();
  report(context, end, { ...options, file, url: sender.url });
}

/** Throws `CommandFailed` unless all is well. */
function report(
  context: CliContext,
  { tally, how, why, unreachable: cause, unreadable: fault }: WarmEnd,
  { json, file, url }: JsonOption & { readonly file: string; readonly url: string },
): void {
  if (json === true) printJson(context, { ended: how, reason: why ?? null, ...tally.toJSON() });
  else if (tally.lines > 0) context.print(warmText(tally));
  if (cause !== undefined) throw unreachable(url, cause);
  if (fault !== undefined) throw unreadable(file, fault);
  const lines = grouped(String(tally.lines));
  const failed =
    tally.failed === 0 ? "" : `${grouped(String(tally.failed))} of ${lines} lines failed.`;
  const stopped = {
    finished: "",
    interrupted: `Interrupted after ${lines} lines; the others were not sent.`,
    stopped: `Stopped after ${lines} lines; the others were not sent. ${why ?? ""}`,
  }[how];
  const wrong = [failed, stopped].filter((text) => text !== "").join(" ");
  if (wrong !== "") throw new CommandFailed(wrong);
  if (tally.lines === 0 && json !== true) context.note("The file has no lines.");
}

async function checkOnly(
  context: CliContext,
  file: string,
  options: WarmCommandOptions,
): Promise<void> {
  const source = openFile(file);
  const named = namer(openProgress(process.stderr), options);
  const findings: { line: number; what: string }[] = [];
  let check;
  try {
    const lines = readLines(source, lineBytesMax(context.settings()));
    check = await checkFile(lines, lineReader(options), (line, what) => {
      named(line, what);
      if (findings.length < findingsMax) findings.push({ line, what });
    });
  } catch (error) {
    throw unreadable(file, error);
  }
  if (options.json === true) printJson(context, { ...check, findings });
  else {
    const requests = Object.entries(check.requests).map(
      ([path, count]) => `${grouped(String(count))} to ${path}`,
    );
    context.print(
      `${grouped(String(check.lines))} lines: ${requests.join(", ") || "no requests"}; ${grouped(String(check.uncacheable))} would not be cached; ${grouped(String(check.problems))} with problems.`,
    );
  }
  if (check.problems > 0) {
    throw new CommandFailed(`${grouped(String(check.problems))} lines have problems.`);
  }
}

const findingsMax = 1_000;

/** Tells of lines, up to a number of them. With JSON they are in there. */
function namer(progress: Progress, { json }: JsonOption): (line: number, what: string) => void {
  let count = 0;
  return (line, what) => {
    count++;
    if (json === true || count > namedMax + 1) return;
    progress.note(
      count > namedMax
        ? "Further lines are only counted; --json lists more of them."
        : `line ${grouped(String(line))} ${what}`,
    );
  };
}

const lineReader =
  ({ endpoint: path, model, system, fields = {} }: WarmCommandOptions) =>
  (text: string): WarmLine =>
    readWarmLine(text, { endpoint: path, model, system, fields });

/** What wraps a body takes some room too. */
const lineBytesMax = ({ limits }: Settings): number => limits.bodyBytesMax + 64 * 1024;

async function senderOf(settings: Settings, options: WarmCommandOptions): Promise<Sender> {
  const { ttl, tags: asked, refresh = false, header = {} } = options;
  const key =
    options.key ??
    settings.apiKey ??
    settings.defaultKey ??
    (await readCredentials(settings.dataDir))?.apiKey;
  if (key === undefined || !/^[\x21-\x7e]+$/.test(key)) {
    throw new CommandFailed(
      `There is no key to ask with: set SENTINEL_API_KEY to one of the tenant's (sentinel keys create), or SENTINEL_DATA_DIR to the gateway's data directory (now ${settings.dataDir}).`,
    );
  }
  return {
    url: await gatewayUrl(settings),
    key,
    headers: {
      ...header,
      "x-sentinel-cache": refresh ? "refresh" : "on",
      ...(ttl !== undefined && { "x-sentinel-cache-ttl": String(ttl) }),
      ...(asked !== undefined && { "x-sentinel-tags": asked }),
    },
  };
}
