import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

/** The status of what an SDK threw; undefined for an error in the middle of a stream. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof OpenAI.APIError || error instanceof Anthropic.APIError) {
    return error.status as number | undefined;
  }
  throw new Error(`not an error of an SDK: ${String(error)}`, { cause: error });
}

/** What the promise rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`an answer where there should be none: ${JSON.stringify(value)}`);
}
