import type { JsonObject } from "../../../src/lib/json-text.ts";
import type { SeenRequest } from "../../support/scripted-upstream.ts";
import { objectOf, objectsOf, textOf } from "../json.ts";
import { piecesOf, turnsOf } from "./vendor.ts";
import type { Answer, SeenAsk, SeenPart, SeenTurn } from "./vendor.ts";

/**
 * OpenAI's chat, and what its imitators have in common with it.
 * (https://platform.openai.com/docs/api-reference/chat, read 2026-11-21)
 */
export interface OpenAiDialect {
  readonly toolCallId: (index: number) => string;
  /** The fields in which thoughts and text come, in a message or a delta. */
  readonly said: (said: { readonly thought: string; readonly text: string }) => object;
  readonly refusalIn: "refusal" | "content";
  /** Where a stream has its usage: after the last chunk if asked for, or in the last chunk always. */
  readonly streamedUsage: "own-chunk" | "last-chunk";
  /** Arguments come in pieces, or all at once. */
  readonly streamsArguments: boolean;
  readonly usageOf: (answer: Answer) => object;
  /** More fields of a choice. */
  readonly choiceExtra?: (answer: Answer) => object;
  /** More fields of every delta. */
  readonly deltaExtra?: object;
  /** More fields of every chunk and of the whole answer. */
  readonly extra?: object;
}

const finishReasons = {
  stop: "stop",
  length: "length",
  tools: "tool_calls",
  refused: "stop",
} as const;

export const writeWhole =
  (dialect: OpenAiDialect) =>
  (answer: Answer, ask: SeenAsk): object => ({
    ...identity(ask),
    object: "chat.completion",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: null, ...saidIn(answer, dialect) },
        logprobs: null,
        finish_reason: finishReasons[answer.finish],
        ...dialect.choiceExtra?.(answer),
      },
    ],
    usage: dialect.usageOf(answer),
    ...dialect.extra,
  });

function saidIn(answer: Answer, dialect: OpenAiDialect): object {
  const { text = "", thought } = answer;
  const calls = callsOf(answer, dialect);
  const called = calls.length === 0 ? {} : { tool_calls: calls };
  if (isMarkedRefusal(answer, dialect)) return { refusal: text, annotations: [] };
  const hasSaid = text !== "" || thought !== undefined;
  const said = hasSaid ? dialect.said({ thought: thought?.text ?? "", text }) : {};
  const notRefused = dialect.refusalIn === "refusal" ? { refusal: null, annotations: [] } : {};
  return { ...said, ...notRefused, ...called };
}

const isMarkedRefusal = ({ finish }: Answer, { refusalIn }: OpenAiDialect): boolean =>
  finish === "refused" && refusalIn === "refusal";

export const writeEvents =
  (dialect: OpenAiDialect) =>
  (answer: Answer, ask: SeenAsk): readonly string[] => {
    const chunk = (fields: object): string =>
      `data: ${JSON.stringify({ ...identity(ask), object: "chat.completion.chunk", ...dialect.extra, ...fields })}\n\n`;
    const delta = (fields: object): string =>
      chunk({
        choices: [
          {
            index: 0,
            delta: { ...dialect.deltaExtra, ...fields },
            logprobs: null,
            finish_reason: null,
          },
        ],
      });
    const isRefused = isMarkedRefusal(answer, dialect);
    const usage = dialect.usageOf(answer);
    const inLastChunk = dialect.streamedUsage === "last-chunk" ? { usage } : {};
    const last = {
      index: 0,
      delta: { ...dialect.deltaExtra },
      finish_reason: finishReasons[answer.finish],
      ...dialect.choiceExtra?.(answer),
    };
    const texts = piecesOf(answer.text ?? "");
    return [
      delta({ role: "assistant", content: "" }),
      ...piecesOf(answer.thought?.text ?? "").map((thought) =>
        delta(dialect.said({ thought, text: "" })),
      ),
      ...texts.map((text) =>
        delta(isRefused ? { refusal: text } : dialect.said({ thought: "", text })),
      ),
      ...callEvents(answer, dialect).map((pieces) => delta({ tool_calls: pieces })),
      chunk({ choices: [last], ...inLastChunk }),
      ...(dialect.streamedUsage === "own-chunk" && ask.wantsUsage
        ? [chunk({ choices: [], usage })]
        : []),
      "data: [DONE]\n\n",
    ];
  };

function identity(ask: SeenAsk): object {
  return { id: "chatcmpl-C8Yk2mQvQJ", created: 1_795_000_000, model: ask.model };
}

interface WrittenCall {
  readonly index?: number;
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

function callsOf(answer: Answer, dialect: OpenAiDialect): WrittenCall[] {
  return (answer.toolCalls ?? []).map((call, index) => ({
    id: dialect.toolCallId(index),
    type: "function",
    function: { name: call.name, arguments: JSON.stringify(call.arguments) },
  }));
}

/** What each chunk has of the calls: in pieces, one after the other, or all in one. */
function callEvents(answer: Answer, dialect: OpenAiDialect): object[][] {
  const calls = callsOf(answer, dialect).map((call, index) => ({ index, ...call }));
  if (calls.length === 0) return [];
  if (!dialect.streamsArguments) return calls.map((call) => [call]);
  return calls.flatMap((call) => [
    [{ ...call, function: { ...call.function, arguments: "" } }],
    ...piecesOf(call.function.arguments).map((piece) => [
      { index: call.index, function: { arguments: piece } },
    ]),
  ]);
}

/** Reads a request for a chat; `limitFields` are those in which the vendor heeds a limit of tokens. */
export const readChat =
  (...limitFields: readonly string[]) =>
  (request: SeenRequest): SeenAsk => {
    const body = objectOf(request.json);
    const messages = objectsOf(body["messages"]);
    const model = textOf(body["model"]);
    const { stop } = body;
    const systems = messages.filter(isSystem);
    const limit = limitFields.map((field) => body[field]).find((value) => value != null);
    const format = objectOf(body["response_format"]);
    return {
      model,
      isStream: body["stream"] === true,
      wantsUsage: objectOf(body["stream_options"])["include_usage"] === true,
      system: systems.map(({ content }) => plainText(content)).join("\n\n"),
      turns: readTurns(messages),
      tools: objectsOf(body["tools"]).map(readTool),
      toolChoice: readToolChoice(body["tool_choice"]),
      oneToolAtATime: body["parallel_tool_calls"] === false,
      schema: objectOf(format["json_schema"])["schema"],
      temperature: body["temperature"] as number | undefined,
      stop: typeof stop === "string" ? [stop] : ((stop ?? []) as string[]),
      maxTokens: typeof limit === "number" ? limit : undefined,
      thinks: "reasoning_effort" in body && body["reasoning_effort"] !== "none",
      caches: JSON.stringify(body).includes(`"cache_control"`),
    };
  };

const isSystem = ({ role }: JsonObject): boolean => role === "system" || role === "developer";

function readToolChoice(choice: unknown): SeenAsk["toolChoice"] {
  const { name } = objectOf(objectOf(choice)["function"]);
  if (typeof name === "string") return { name };
  if (choice === "none") return "none";
  // Mistral's name for it is "any".
  return choice === "required" || choice === "any" ? "required" : "auto";
}

function readTool(tool: JsonObject): SeenAsk["tools"][number] {
  const { name, description, parameters } = objectOf(tool["function"]);
  return { name: textOf(name), description: textOf(description), parameters };
}

function readTurns(messages: readonly JsonObject[]): SeenTurn[] {
  const names = new Map<unknown, string>();
  for (const call of messages.flatMap((message) => objectsOf(message["tool_calls"]))) {
    names.set(call["id"], textOf(objectOf(call["function"])["name"]));
  }
  return turnsOf(
    messages
      .filter((message) => !isSystem(message))
      .flatMap((message) => {
        const role = message["role"] === "assistant" ? ("model" as const) : ("user" as const);
        return partsOf(message, names).map((part) => ({ role, part }));
      }),
  );
}

function partsOf(message: JsonObject, names: ReadonlyMap<unknown, string>): SeenPart[] {
  const { content } = message;
  if (message["role"] === "tool") {
    const name = names.get(message["tool_call_id"]) ?? "(a call that was never made)";
    return [{ kind: "result", name, text: plainText(content) }];
  }
  const calls = objectsOf(message["tool_calls"]).map((call): SeenPart => {
    const { name, arguments: json } = objectOf(call["function"]);
    return { kind: "call", name: textOf(name), arguments: JSON.parse(textOf(json)) as unknown };
  });
  if (typeof content === "string") {
    return content === "" ? calls : [{ kind: "text", text: content }, ...calls];
  }
  return [...objectsOf(content).map(partOf), ...calls];
}

function partOf(part: JsonObject): SeenPart {
  if (part["type"] === "thinking") {
    return { kind: "thought", text: plainText(part["thinking"]), signature: "" };
  }
  if (part["type"] !== "image_url") return { kind: "text", text: textOf(part["text"]) };
  const image = part["image_url"];
  const url = typeof image === "string" ? image : textOf(objectOf(image)["url"]);
  const [, mediaType, base64] = /^data:([^;,]+);base64,(.*)$/s.exec(url) ?? [];
  if (mediaType === undefined || base64 === undefined) return { kind: "image", url };
  return { kind: "image", mediaType, base64 };
}

/** Text that is a string or a list of parts. */
export function plainText(content: unknown): string {
  if (typeof content === "string") return content;
  return objectsOf(content)
    .map((part) => textOf(part["text"]))
    .join("");
}
