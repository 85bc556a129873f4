import { expect, test } from "vitest";

import { gatewayConfigSchema, normaliseGateway } from "../../../src/config/gateway-config.ts";

const pricesOf = (prices: unknown) =>
  normaliseGateway(gatewayConfigSchema.parse({ prices }), []).prices;

const messagesFor = (prices: unknown) =>
  gatewayConfigSchema
    .safeParse({ prices })
    .error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`) ?? [];

const least = { input_per_million_usd: "0.15", output_per_million_usd: 0.6 };

test("all that can be said of a price arrives, in whole pico-dollars", () => {
  const price = {
    ...least,
    cached_input_per_million_usd: "0.0375",
    cache_write_per_million_usd: 1,
    cache_write_1h_per_million_usd: 2,
    reasoning_per_million_usd: 3,
    input_audio_per_million_usd: 4,
    cached_audio_per_million_usd: 5,
    output_audio_per_million_usd: 6,
    output_image_per_million_usd: 7,
    request_usd: "0.000000001",
    web_search_usd: 0.01,
    multipliers: { flex: 0.5, fast: "2.5" },
  };
  expect(pricesOf({ openai: { "gpt-*": price } })).toEqual([
    {
      provider: "openai",
      model: "gpt-*",
      source: "file",
      version: expect.stringMatching(/^sentinel\.yaml [0-9a-f]{8}$/) as string,
      amounts: {
        inputPicoUsd: 150_000,
        outputPicoUsd: 600_000,
        cachedInputPicoUsd: 37_500,
        cacheWritePicoUsd: 1_000_000,
        cacheWrite1hPicoUsd: 2_000_000,
        reasoningPicoUsd: 3_000_000,
        inputAudioPicoUsd: 4_000_000,
        cachedAudioPicoUsd: 5_000_000,
        outputAudioPicoUsd: 6_000_000,
        outputImagePicoUsd: 7_000_000,
        requestPicoUsd: 1_000,
        webSearchPicoUsd: 10_000_000_000,
        multiplierMillionths: { flex: 500_000, fast: 2_500_000 },
      },
    },
  ]);
});

test("what is not said is not there, so that it can follow the vendor", () => {
  expect(pricesOf({ home: { m: least } })[0]?.amounts).toEqual({
    inputPicoUsd: 150_000,
    outputPicoUsd: 600_000,
  });
});

test("a price's version tells it from another price, however it is written", () => {
  const versionOf = (price: object) => pricesOf({ p: { m: { ...least, ...price } } })[0]?.version;
  expect(versionOf({ input_per_million_usd: 0.15 })).toBe(versionOf({}));
  expect(versionOf({ multipliers: { a: 1, b: 2 } })).toBe(
    versionOf({ multipliers: { b: 2, a: 1 } }),
  );
  expect(versionOf({ multipliers: { a: 2 } })).not.toBe(versionOf({ multipliers: { a: 1 } }));
  expect(versionOf({ input_per_million_usd: 0.16 })).not.toBe(versionOf({}));
  expect(versionOf({ request_usd: 1 })).not.toBe(versionOf({ web_search_usd: 1 }));
});

test.each(["*", "gpt-*", "gpt-5", "meta-llama/Llama 4", "claude-sonnet-4@20250514"])(
  "%j may have a price",
  (model) => {
    expect(messagesFor({ p: { [model]: least } })).toEqual([]);
  },
);

test.each(["gpt-*-mini", "**", "", " gpt", "a\nb", "x".repeat(257)])(
  "%j names no model",
  (model) => {
    expect(messagesFor({ p: { [model]: least } }).join()).toContain("is no good name");
  },
);

test("what is wrong with a price is said, with what was probably meant", () => {
  expect(messagesFor({ p: { m: { input_per_million_usd: 1 } } })).toEqual([
    'prices.p.m.output_per_million_usd is missing: it must be US dollars for a million tokens, with at most six digits after the point, as "0.15"',
  ]);
  const slip = { ...least, cached_input_per_millon_usd: 1 };
  expect(messagesFor({ p: { m: slip } }).join()).toContain(
    'did you mean "cached_input_per_million_usd"?',
  );
  expect(messagesFor({ p: { m: { ...least, multipliers: { flex: "half" } } } }).join()).toContain(
    "prices.p.m.multipliers.flex must be a number from 0 to 1000",
  );
  const tiers = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`t${index}`, 1]));
  expect(messagesFor({ p: { m: { ...least, multipliers: tiers } } }).join()).toContain(
    "at most 20",
  );
});
