import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "prettier";

import { vendorList } from "../src/config/vendors.ts";
import { endpoints } from "../src/protocol/endpoints.ts";
import type { Quirks } from "../src/providers/openai-compatible/quirks.ts";
import { quirksOf } from "../src/providers/openai-compatible/vendor-quirks.ts";
import type { CompatibleType } from "../src/providers/openai-compatible/vendor-quirks.ts";
import { compatibleNotes, nativeProviders } from "./provider-notes.ts";
import type { NativeProvider } from "./provider-notes.ts";

/** Writes `docs/providers.md` from the data that the adapters run on. With `--check` it only compares. */
export async function providerDocs(): Promise<string> {
  const types = Object.keys(quirksOf) as CompatibleType[];
  const sections = [
    ...types.slice(0, 1).map(compatibleSection),
    ...nativeProviders.map(nativeSection),
    ...types.slice(1).map(compatibleSection),
  ];
  const text = [opening, variables(), common, ...sections].join("\n\n");
  return format(text, { parser: "markdown", printWidth: 100 });
}

export const docsPath = fileURLToPath(new URL("../docs/providers.md", import.meta.url));

const opening = `# Providers

<!-- Made by: npm run docs:providers -->

Every provider is asked through the same endpoints. This page says what Sentinel changes on the way there and back,
what a provider cannot do, and which variables name it. How providers and models are configured is in
[sentinel.example.yaml](../sentinel.example.yaml).`;

const common = `## For all of them

- A field that the provider cannot take is left out, and named in the answer's header \`x-sentinel-dropped-params\`.
  Where leaving it out would make the answer wrong, the request is refused with 400 \`invalid_value\` and \`param\`; if
  the alias has further targets, they are asked.
- \`/v1/messages\` (Anthropic's API) works with each of them: where the provider has no such endpoint, by way of its chat.
- Streams end with one \`[DONE]\`. Their usage is counted always, and shown to a client that asks for it
  (\`stream_options.include_usage\`), once, in the last chunk.
- Tool calls come as OpenAI's do: distinct ids, arguments as a string, indices from 0, \`finish_reason: "tool_calls"\`.
- Thoughts come as \`reasoning_content\`, apart from \`content\`. Clients that send them back lose nothing.
- Embeddings come in base64 where that is asked for, also from a provider that only has lists of numbers.
- Unknown fields go through, both ways, unless a provider is said below to refuse them.`;

function variables(): string {
  const rows = vendorList.map(({ type, keyVariables, urlVariable, ...vendor }) => {
    const keys = keyVariables.map(code).join(" or ") || "none needed";
    const url = "baseUrl" in vendor ? code(vendor.baseUrl) : "must be given";
    return `| ${code(type)} | ${keys} | ${code(urlVariable)} | ${url} |`;
  });
  return `## Variables

Without \`providers\` in \`sentinel.yaml\`, these variables are enough. \`azure-openai\` and \`openai-compatible\` need a
\`base_url\`, and so the file.

| type | key | base URL | base URL if not given |
| --- | --- | --- | --- |
${rows.join("\n")}`;
}

function compatibleSection(type: CompatibleType): string {
  const quirks = quirksOf[type];
  const { title, limits } = compatibleNotes[type];
  return section(title, type, {
    Endpoints: [[...quirks.endpoints].map((name) => code(`/v1${endpoints[name].path}`)).join(", ")],
    "Sent differently": translated(quirks),
    "Left out": dropped(quirks),
    Refused: refused(quirks),
    "Put right in answers": repaired(quirks),
    "Good to know": limits,
  });
}

function nativeSection(provider: NativeProvider): string {
  const { title, type, limits } = provider;
  return section(title, type, {
    Endpoints: [provider.endpoints.map(code).join(", ")],
    "Sent differently": provider.translated,
    "Left out": provider.dropped,
    Refused: provider.refused,
    "Put right in answers": provider.answers,
    "Good to know": limits,
  });
}

function section(
  title: string,
  type: string,
  parts: Readonly<Record<string, readonly string[]>>,
): string {
  const written = Object.entries(parts).flatMap(([name, items]) => {
    const [only, ...rest] = items;
    if (only === undefined) return [];
    if (rest.length === 0) return [`- ${name}: ${only}`];
    return [`- ${name}:\n${items.map((item) => `  - ${item}`).join("\n")}`];
  });
  return `## ${title} (\`${type}\`)\n\n${written.join("\n")}`;
}

function translated({ request, messages, bareModelNamespace }: Quirks): string[] {
  const renames = Object.entries(request.renames).map(
    ([from, to]) => `${code(from)} as ${code(to)}`,
  );
  const thoughts = messages.thoughtFields?.map(code).join(" and ");
  const off = JSON.stringify(messages.withoutThoughts ?? {}).slice(1, -1);
  return given([
    [renames.length > 0, renames.join(", ")],
    [
      request.efforts !== undefined,
      `\`reasoning_effort\` in the words that it has: ${Object.entries(request.efforts?.words ?? {})
        .map(([theirs, its]) => `${code(theirs)} as ${code(its)}`)
        .join(", ")}`,
    ],
    [
      messages.prefillField !== undefined,
      `a begun answer with ${code(messages.prefillField ?? "")}`,
    ],
    [!messages.hasDeveloperRole, "`developer` messages as `system`"],
    [request.toolChoice === "any", '`tool_choice: "required"` as `"any"`'],
    [
      request.toolChoice === "ignored",
      '`tool_choice: "none"` by leaving out the tools, since it chooses for itself',
    ],
    [
      request.jsonSchema === "as-object",
      "a JSON schema as JSON mode and words in a system message",
    ],
    [
      messages.needsShortToolIds,
      "tool call ids as nine letters and digits, the same for a call and its result",
    ],
    [messages.needsJsonArguments, "arguments of a call without any as `{}`"],
    [thoughts !== undefined && thoughts !== "", `thoughts of earlier turns as ${thoughts ?? ""}`],
    [
      messages.withoutThoughts !== undefined,
      `with ${code(off)} for \`reasoning_effort: "none"\`, and where the thoughts of a tool call did not come back, which it otherwise answers with 400`,
    ],
    [messages.files === "document-url", "`file` parts as `document_url`"],
    [messages.audio === "base64", "`input_audio` as its base64 alone"],
    [
      bareModelNamespace !== undefined,
      `model names without a slash as ${code(`${bareModelNamespace ?? ""}/NAME`)}`,
    ],
  ]);
}

function dropped({ request, messages }: Quirks): string[] {
  const known = request.knownFields?.chat;
  const byModel = request.droppedByModel;
  const fields = request.droppedFields.map(code);
  if (request.toolChoice === "ignored")
    fields.push('`tool_choice` other than `"auto"` and `"none"`');
  return given([
    [fields.length > 0, fields.join(", ")],
    [
      byModel !== undefined,
      `${(byModel?.fields ?? []).map(code).join(", ")} for models that reason, which refuse them`,
    ],
    [
      known !== undefined,
      `every field of a chat but ${[...(known ?? [])].map(code).join(", ")}: it refuses what it does not know`,
    ],
    [messages.knownFields !== undefined, "fields of messages and tool calls that it does not know"],
    [!messages.takesCacheControl, "`cache_control`"],
    [messages.thoughtFields?.length === 0, "thoughts of earlier turns"],
  ]);
}

function refused({ request, messages, endpoints: has }: Quirks): string[] {
  const missing = (["completions", "embeddings", "moderations", "responses"] as const).filter(
    (name) => !has.has(name),
  );
  return given([
    [request.answersOnce, "`n` above 1"],
    [request.answersInTextOnly, "answers in anything but text (`modalities`)"],
    [request.refusedFields.length > 0, request.refusedFields.map(code).join(", ")],
    [messages.images === "inlined", "images as links: send them as data URLs"],
    [
      missing.length > 0,
      `${missing.map((name) => code(`/v1${endpoints[name].path}`)).join(", ")} (400 \`unsupported_endpoint\`)`,
    ],
  ]);
}

function repaired({ answers, request }: Quirks): string[] {
  if (answers.areOpenAis) return ["nothing: they are OpenAI's own"];
  const reasons = Object.entries(answers.finishReasons).map(
    ([theirs, ours]) => `${code(theirs)} to ${code(ours)}`,
  );
  return given([
    [true, "tool calls; thoughts called `reasoning` are there as `reasoning_content` too"],
    [reasons.length > 0, `finish reasons: ${reasons.join(", ")}`],
    [
      true,
      `an answer that ends with ${answers.failedReasons.map(code).join(" or ")} is a failure, and may be tried again`,
    ],
    [answers.extrasIn !== undefined, `usage that comes in ${code(answers.extrasIn ?? "")}`],
    [
      answers.cachedTokensField !== undefined,
      `${code(answers.cachedTokensField ?? "")} is there as \`prompt_tokens_details.cached_tokens\` too`,
    ],
    [answers.reasoningIsApart, "`completion_tokens` include the reasoning, as OpenAI's do"],
    [!request.takesStreamOptions, "usage in streams, which it sends without being asked"],
  ]);
}

const code = (text: string): string => `\`${text}\``;

/** The sentences whose condition holds. */
const given = (sentences: readonly (readonly [boolean, string])[]): string[] =>
  sentences.flatMap(([holds, sentence]) => (holds ? [sentence] : []));

async function main(): Promise<void> {
  const made = await providerDocs();
  if (!process.argv.includes("--check")) {
    await mkdir(dirname(docsPath), { recursive: true });
    await writeFile(docsPath, made);
    return;
  }
  const kept = await readFile(docsPath, "utf8").catch(() => ""); // one that is not there is stale too
  if (kept === made) return;
  console.error("docs/providers.md is stale. Run: npm run docs:providers");
  process.exitCode = 1;
}

if (import.meta.main) await main();
