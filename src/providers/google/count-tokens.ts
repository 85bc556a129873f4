import { Failure } from "../../errors.ts";
import type { AdapterOptions } from "../adapter-options.ts";
import type { CountTokens } from "../messages/through-chat.ts";
import { readAll } from "../transport/read-all.ts";
import { failureWithin } from "./from-error.ts";
import { parseAnswer } from "./from-response.ts";
import { GeminiApi, resourceName } from "./gemini-api.ts";
import { writeRequest } from "./to-request.ts";

const answerBytesMax = 1024 * 1024;

/** Counts the tokens of a chat request as Google counts them. (https://ai.google.dev/api/tokens, read 2026-11-21) */
export function countTokens(options: AdapterOptions): CountTokens {
  const api = new GeminiApi(options);
  return async (call) => {
    const { body } = writeRequest(call);
    const generateContentRequest = { model: resourceName(call.model), ...body };
    const response = await api.ask(call, "count", { generateContentRequest });
    const bytes = await readAll(response.body, answerBytesMax, options.name);
    const upstream = api.upstreamOf(call);
    const [answer = {}] = parseAnswer(bytes, upstream);
    const failure = failureWithin(answer, upstream);
    if (failure !== undefined) throw failure;
    const { totalTokens } = answer;
    if (typeof totalTokens === "number") return totalTokens;
    throw new Failure("upstream_error", `${options.name} did not say how many tokens there are.`);
  };
}
