import { expect, test } from "vitest";

import { ExportFault } from "../../../src/cli/reconcile/csv.ts";
import { noModel, readExport } from "../../../src/cli/reconcile/read-export.ts";

/** 2026-11-01T00:00:00Z and the day after. */
const firstSeconds = 1_793_491_200;
const secondSeconds = firstSeconds + 86_400;

const openAiResult = {
  object: "organization.usage.completions.result",
  input_tokens: 1_000,
  output_tokens: 500,
  input_cached_tokens: 800,
  num_model_requests: 5,
  project_id: null,
  model: "gpt-4o-2024-08-06",
  batch: null,
};

const openAiPage = (results: readonly object[], more = {}) => ({
  object: "page",
  data: [
    { object: "bucket", start_time: firstSeconds, end_time: secondSeconds, results },
    { object: "bucket", start_time: secondSeconds, end_time: secondSeconds + 86_400, results: [] },
  ],
  has_more: false,
  next_page: null,
  ...more,
});

test("OpenAI's usage API: cached input is part of the input, and a bucket without results is a day", () => {
  const mini = { ...openAiResult, model: "gpt-4o-mini-2024-07-18", num_model_requests: 1 };
  const read = readExport(JSON.stringify(openAiPage([openAiResult, mini, openAiResult])));
  expect(read).toMatchObject({
    days: ["2026-11-01", "2026-11-02"],
    measures: ["requests", "inputTokens", "outputTokens"],
    notes: [],
  });
  expect(read.rows).toEqual([
    {
      day: "2026-11-01",
      model: "gpt-4o-2024-08-06",
      figures: { requests: 10n, inputTokens: 2_000n, outputTokens: 1_000n },
    },
    {
      day: "2026-11-01",
      model: "gpt-4o-mini-2024-07-18",
      figures: { requests: 1n, inputTokens: 1_000n, outputTokens: 500n },
    },
  ]);
});

test("several pages, in a list or one a line, are one export; one that goes on says so", () => {
  const page = openAiPage([openAiResult]);
  const cut = openAiPage([], { has_more: true });
  const lines = readExport(`${JSON.stringify(page)}\n${JSON.stringify(page)}\n`);
  expect(lines.rows[0]?.figures.requests).toBe(10n);
  expect(lines.notes).toEqual([]);
  const list = readExport(JSON.stringify([page, cut]));
  expect(list.rows[0]?.figures.requests).toBe(5n);
  expect(list.notes.join()).toContain("has_more");
});

test("OpenAI's dashboard CSV: the same names, days without use, and batch jobs left out", () => {
  const header =
    "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,batch,service_tier,input_tokens,output_tokens,input_cached_tokens,input_uncached_tokens";
  const row = (day: string, values: string): string =>
    `1,2,${day}T00:00:00+00:00,${day}T23:59:59+00:00,${values}`;
  const read = readExport(
    [
      header,
      row("2026-11-01", "proj,5,,,gpt-4o-2024-08-06,False,default,1000,500,800,200"),
      row("2026-11-01", "proj,9,,,gpt-4o-2024-08-06,True,batch,9000,900,0,9000"),
      row("2026-11-02", ",,,,,,,,,,"),
    ].join("\n"),
  );
  expect(read.days).toEqual(["2026-11-01", "2026-11-02"]);
  expect(read.rows).toEqual([
    {
      day: "2026-11-01",
      model: "gpt-4o-2024-08-06",
      figures: { requests: 5n, inputTokens: 1_000n, outputTokens: 500n },
    },
  ]);
  expect(read.notes.join()).toContain("1 rows are batch jobs");
});

test("OpenAI's cost report: an amount per line item, its model in front", () => {
  const result = (lineItem: string, value: number) => ({
    object: "organization.costs.result",
    amount: { value, currency: "usd" },
    line_item: lineItem,
  });
  const results = [
    result("gpt-4o-2024-08-06, input", 0.06),
    result("gpt-4o-2024-08-06, cached input", 0.01),
    result("gpt-4o-2024-08-06, output", 1.5e-7),
  ];
  const read = readExport(JSON.stringify(openAiPage(results)));
  expect(read.measures).toEqual(["costNanoUsd"]);
  expect(read.rows).toEqual([
    { day: "2026-11-01", model: "gpt-4o-2024-08-06", figures: { costNanoUsd: 70_000_150n } },
  ]);
});

const anthropicResult = {
  uncached_input_tokens: 1_500,
  cache_creation: { ephemeral_1h_input_tokens: 1_000, ephemeral_5m_input_tokens: 500 },
  cache_read_input_tokens: 200,
  output_tokens: 500,
  server_tool_use: { web_search_requests: 10 },
  api_key_id: null,
  workspace_id: null,
  model: "claude-sonnet-4-5-20250929",
  service_tier: "standard",
  context_window: "0-200k",
};

test("Anthropic's usage report: what was read from and written to the cache is added to the input", () => {
  const bucket = {
    starting_at: "2026-11-01T00:00:00Z",
    ending_at: "2026-11-02T00:00:00Z",
    results: [anthropicResult, { ...anthropicResult, service_tier: "batch" }],
  };
  const read = readExport(JSON.stringify({ data: [bucket], has_more: false, next_page: null }));
  expect(read.measures).toEqual(["inputTokens", "outputTokens"]);
  expect(read.rows).toEqual([
    {
      day: "2026-11-01",
      model: "claude-sonnet-4-5-20250929",
      figures: { inputTokens: 3_200n, outputTokens: 500n },
    },
  ]);
});

test("Anthropic's cost report has cents", () => {
  const result = {
    currency: "USD",
    amount: "123.78912",
    cost_type: "tokens",
    model: "claude-sonnet-4-5-20250929",
    token_type: "output_tokens",
  };
  const bucket = { starting_at: "2026-11-01T00:00:00Z", results: [result] };
  expect(readExport(JSON.stringify({ data: [bucket] })).rows[0]?.figures).toEqual({
    costNanoUsd: 1_237_891_200n,
  });
});

test("Anthropic's console CSV, with its cache in two columns or in one", () => {
  const apart = readExport(
    [
      "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,web_search_count",
      "2026-11-01,claude-sonnet-4-5-20250929,key,Default,standard,≤ 200k,1500,500,1000,200,500,0",
    ].join("\n"),
  );
  const together = readExport(
    [
      "usage_date_utc,model_version,usage_type,usage_input_tokens_no_cache,usage_input_tokens_cache_write,usage_input_tokens_cache_read,usage_output_tokens",
      "2026-11-01,claude-sonnet-4-5-20250929,standard,1500,1500,200,500",
    ].join("\n"),
  );
  expect(apart.rows).toEqual(together.rows);
  expect(apart.rows[0]?.figures).toEqual({ inputTokens: 3_200n, outputTokens: 500n });
});

test("any table with such columns: days as dates, times and seconds; a row's time zone counts", () => {
  const read = readExport(
    [
      "Date;Model;Requests;Prompt Tokens;Completion Tokens;Cost (USD)",
      '2026-11-01;m;"1,000";10;5;0.25',
      "2026-11-01T23:30:00-02:00;m;1;10;5;0.25",
      `${firstSeconds};m;1;1;1;0`,
      `${firstSeconds}000;m;1;1;1;0`,
    ].join("\n"),
  );
  expect(read.measures).toEqual(["requests", "inputTokens", "outputTokens", "costNanoUsd"]);
  expect(read.rows).toEqual([
    {
      day: "2026-11-01",
      model: "m",
      figures: { requests: 1_002n, inputTokens: 12n, outputTokens: 7n, costNanoUsd: 250_000_000n },
    },
    {
      day: "2026-11-02",
      model: "m",
      figures: { requests: 1n, inputTokens: 10n, outputTokens: 5n, costNanoUsd: 250_000_000n },
    },
  ]);
});

test("Anthropic's words in a plain list: its input_tokens are without the cache", () => {
  const row = { date: "2026-11-01", model: "m", input_tokens: 100, output_tokens: 1 };
  const apart = { ...row, cache_read_input_tokens: 40, cache_creation_input_tokens: 2 };
  expect(readExport(JSON.stringify([row])).rows[0]?.figures.inputTokens).toBe(100n);
  expect(readExport(JSON.stringify([apart])).rows[0]?.figures.inputTokens).toBe(142n);
});

test("an export that names no models says so", () => {
  const read = readExport(JSON.stringify(openAiPage([{ ...openAiResult, model: null }])));
  expect(read.rows[0]?.model).toBe(noModel);
  expect(read.hasModels).toBe(false);
});

test.each([
  ["no day", "model,requests\nm,1", "has no column for the day"],
  ["a day that is missing", "day,model,requests\n,m,1", "does not name the day, in row 1"],
  [
    "a day of another kind",
    "day,model,requests\n11/01/2026,m,1",
    'has "11/01/2026" for a day, in row 1',
  ],
  ["a day that there is not", "day,model,requests\n2026-13-41,m,1", 'has "2026-13-41" for a day'],
  ["nothing known", "day,model,apples\n2026-11-01,m,1", "It has day, model, apples"],
  ["half a count", "day,model,requests\n2026-11-01,m,1.5", 'in row 1: "1.5" is no whole number'],
  ["another currency", '[{"day":"2026-11-01","cost":1,"currency":"EUR"}]', "in EUR"],
  ["broken JSON", '{"data": [', "is no valid JSON"],
  ["JSON of something else", "[1, 2]", "no list of objects"],
  ["an empty list", "[]", "has no rows"],
  ["a bucket of something else", '{"day":"2026-11-01","results":[1]}', "results are no objects"],
])("an export with %s is refused", (_name, text, message) => {
  expect(() => readExport(text)).toThrow(ExportFault);
  expect(() => readExport(text)).toThrow(message);
});
