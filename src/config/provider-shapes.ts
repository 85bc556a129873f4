import { z } from "zod";
import { baseUrlFault } from "./base-url.ts";
import {
  fraction,
  listOf,
  mustBe,
  named,
  strictFields,
  text,
  truth,
  wholeNumber,
} from "./field-types.ts";
import { forwardableHeader, headerValue, settableHeader, settableRule } from "./header-names.ts";

/** The fields of a provider in `sentinel.yaml` and in the admin API, by what its type needs. */
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Below the 5 s after which Node's and uvicorn's servers close an idle connection: we close it first. */
export const defaultKeepAliveMs = 4_000;

const milliseconds = (max: number) => wholeNumber({ min: 1, max });

export const deadlinesSchema = strictFields({
  connect_ms: milliseconds(hourMs).optional().describe("Until a connection stands."),
  first_byte_ms: milliseconds(dayMs).optional().describe("From then until the first byte."),
  idle_ms: milliseconds(dayMs).optional().describe("Between two chunks of a stream."),
  total_ms: milliseconds(dayMs).optional().describe("All of it, retries included."),
}).meta({ id: "deadlines", description: "How long each part may take, in milliseconds." });

export const breakerSchema = strictFields({
  consecutive_failures: wholeNumber({ min: 1, max: 10_000 })
    .optional()
    .describe("So many failures in a row open it."),
  failure_ratio: fraction({ min: 0.01, max: 1 })
    .optional()
    .describe("Or this share of failures in the window."),
  minimum_requests: wholeNumber({ min: 1, max: 1_000_000 })
    .optional()
    .describe("The window must hold so many requests before its share counts."),
  window_ms: milliseconds(hourMs).optional().describe("The length of the window, in milliseconds."),
  open_ms: milliseconds(hourMs)
    .optional()
    .describe("How long it stays open before a request may try again, in milliseconds."),
}).meta({ id: "breaker", description: "When to leave a failing provider alone for a while." });

/** A model as its provider calls it. */
export const modelName = () =>
  text({
    pattern: /^[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]{0,255}$/,
    rule: "must be a name of 1 to 256 characters",
  });

export const apiKeyPattern = /^[\x21-\x7e]{1,4096}$/;

const apiKey = () =>
  text({ pattern: apiKeyPattern, rule: "must be an API key: visible ASCII characters, no spaces" });

const baseUrl = () =>
  z
    .string({ error: mustBe("must be a URL, for example http://127.0.0.1:8001/v1") })
    .superRefine((url, context) => {
      const message = baseUrlFault(url);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    })
    .describe("Where the provider's API is.");

const commonShape = {
  api_keys: listOf(apiKey(), { max: 100 })
    .optional()
    .describe('One key or several, used in turn. Keep them in the environment: "${NAME}".'),
  models: listOf(modelName(), { max: 10_000 })
    .optional()
    .describe("The models that it has; without them it is asked."),
  headers: named(settableHeader(), headerValue(), settableRule)
    .optional()
    .describe("Headers that are sent with every request."),
  forward_headers: listOf(forwardableHeader(), { max: 50 })
    .optional()
    .describe("The client's headers that are passed on."),
  propagate_trace: truth("must be true or false")
    .optional()
    .describe(
      "Whether the request's trace (traceparent) is sent on; if not given, to ollama, to vllm and to an openai-compatible server in a private network.",
    ),
  keep_alive_ms: milliseconds(hourMs)
    .optional()
    .describe(
      `How long an idle connection is kept, in milliseconds; ${defaultKeepAliveMs} if not given.`,
    ),
  deadlines: deadlinesSchema.optional(),
  breaker: breakerSchema.optional(),
};

/** Their base URL is known, or conventional. */
export const hostedShape = {
  type: z
    .enum([
      "openai",
      "anthropic",
      "google",
      "mistral",
      "groq",
      "together",
      "deepseek",
      "openrouter",
      "xai",
      "ollama",
    ])
    .describe("Whose API it is."),
  base_url: baseUrl().optional(),
  ...commonShape,
};

export const selfHostedShape = {
  type: z.enum(["vllm", "openai-compatible"]).describe("Whose API it is, or like whose."),
  base_url: baseUrl(),
  ...commonShape,
};

export const azureShape = {
  type: z.enum(["azure-openai"]).describe("Azure; models are named by their deployments."),
  base_url: baseUrl(),
  api_version: text({
    pattern: /^[A-Za-z0-9.-]{1,32}$/,
    rule: "must be a version of Azure's API, for example 2024-10-21",
  })
    .optional()
    .describe("Azure's api-version; without it the v1 API is used, which needs none."),
  ...commonShape,
};

export const demoShape = {
  type: z.enum(["demo"]).describe("Answers by itself, so that there is something to try."),
  models: commonShape.models,
};

/** In the order in which messages name them. */
export const providerTypes = [
  ...hostedShape.type.options,
  ...azureShape.type.options,
  ...selfHostedShape.type.options,
  ...demoShape.type.options,
] as const;
