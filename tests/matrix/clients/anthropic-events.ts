import type { RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages";

/**
 * Insists on what Anthropic's streams hold to: `message_start`, then block after block, each started, filled
 * with deltas of its own kind and stopped, then `message_delta` and `message_stop`. A `ping` may be anywhere;
 * the SDK does not show it. (https://platform.claude.com/docs/build-with-claude/streaming, read 2026-11-21)
 */
export function checkEvents(events: readonly RawMessageStreamEvent[]): void {
  const [start, ...others] = events;
  const end = others.pop();
  const delta = others.pop();
  const insist = (isSo: boolean, what: string): void => {
    if (!isSo) throw new Error(`Anthropic's streams have ${what}: ${JSON.stringify(events)}`);
  };
  insist(start?.type === "message_start", "message_start first");
  if (start?.type === "message_start") {
    insist(start.message.stop_reason === null, "no stop reason in message_start");
    insist(start.message.content.length === 0, "no content in message_start");
  }
  insist(delta?.type === "message_delta", "message_delta last but one");
  insist(end?.type === "message_stop", "message_stop last");
  checkBlocks(others, insist);
}

type Insist = (isSo: boolean, what: string) => void;

function checkBlocks(events: readonly RawMessageStreamEvent[], insist: Insist): void {
  let open: { readonly index: number; readonly kind: string } | undefined;
  let count = 0;
  for (const event of events) {
    switch (event.type) {
      case "content_block_start":
        insist(open === undefined, "one block at a time");
        insist(event.index === count, "blocks numbered from 0");
        open = { index: event.index, kind: event.content_block.type };
        count++;
        break;
      case "content_block_delta":
        insist(open?.index === event.index, "deltas inside their block");
        insist(kindsOf[event.delta.type] === open?.kind, "deltas of their block's kind");
        break;
      case "content_block_stop":
        insist(open?.index === event.index, "a stop for each block");
        open = undefined;
        break;
      default:
        insist(false, `no ${event.type} among the blocks`);
    }
  }
  insist(open === undefined, "every block stopped");
}

/** The block that each kind of delta belongs into. */
const kindsOf: Readonly<Record<string, string>> = {
  text_delta: "text",
  input_json_delta: "tool_use",
  thinking_delta: "thinking",
  signature_delta: "thinking",
};
