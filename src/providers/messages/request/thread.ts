import { Failure } from "../../../errors.ts";
import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";

/**
 * A thread is a conversation that the API keeps between turns, as well as it can: its first turn holds all of
 * it, and a client that is told that its thread is lost sends all of it again, as Anthropic's SDKs do by
 * themselves. So what begins one is answered as usual, and what goes on with one is told that it is lost.
 * (https://platform.claude.com/docs/en/build-with-claude/message-threads, read 2026-11-21)
 */
export function refuseContinuedThread({ thread }: JsonObject): void {
  if (!isJsonObject(thread) || thread["type"] !== "continue") return;
  const message =
    "This model's provider keeps no threads. Send the whole conversation again, with 'thread' of type 'create' or without it.";
  const said = {
    message,
    type: "invalid_request_error",
    param: "thread.previous_message_id",
    code: "thread_not_found",
    details: { error_code: "thread_not_found" }, // Where the SDKs look.
  };
  throw new Failure("not_found", message, { upstream: { status: 404, body: said } });
}
