/**
 * A question as both clients can put it, and an answer as both can understand it, so that one set of
 * assertions holds for either client and for whole and streamed answers.
 */
export interface Ask {
  /** As the vendor names it; without it, the vendor's usual model. */
  readonly model?: string;
  readonly system?: string;
  /** The role that OpenAI's client gives it: `system` if not given. */
  readonly systemRole?: "developer";
  readonly turns: readonly Turn[];
  readonly tools?: readonly Tool[];
  /** Whether the model must call a tool, may not, or must call this one. It may, if not given. */
  readonly toolChoice?: ToolChoice;
  /** The model may call one tool at a time only. */
  readonly oneToolAtATime?: boolean;
  readonly schema?: JsonSchema;
  /** Asks the model to think first, hard; how it is told to, is a matter for Anthropic's clients only. */
  readonly thinks?: "with-budget" | "as-it-likes";
  readonly stop?: readonly string[];
  /** Sent by OpenAI's client only: Anthropic's does not have it any more. */
  readonly temperature?: number;
  /** If not given, OpenAI's client sends none, and Anthropic's, which must, 4,000. */
  readonly maxTokens?: number;
  /** Marks the system prompt as worth caching, where the client has a way to say so. */
  readonly caches?: boolean;
  readonly signal?: AbortSignal;
}

export type JsonSchema = { readonly type: "object" } & Readonly<Record<string, unknown>>;

export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonSchema;
}

export type Turn =
  | { readonly from: "user"; readonly text: string; readonly image?: Image }
  /** What the model said before, as the client itself got it. */
  | { readonly from: "model"; readonly reply: Reply }
  | { readonly from: "model"; readonly text: string }
  /** The results of the calls in the turn before, in the order in which they came in. */
  | {
      readonly from: "tools";
      readonly results: readonly ToolResult[];
      /** What the user says besides, in the same turn. */
      readonly text?: string;
    };

export interface ToolResult {
  readonly callId: string;
  readonly text: string;
  /** The tool failed. OpenAI's client has no way to say so but in the text. */
  readonly isError?: boolean;
}

export type ToolChoice = "required" | "none" | { readonly name: string };

export type Image =
  { readonly mediaType: string; readonly base64: string } | { readonly url: string };

export type Finish = "stop" | "length" | "tools" | "refused";

export interface Reply {
  /** The id by which the gateway's log knows the request. */
  readonly requestId: string;
  readonly model: string;
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly {
    readonly id: string;
    readonly name: string;
    readonly arguments: unknown;
  }[];
  readonly finish: Finish;
  /** Undefined where none came. */
  readonly usage: ReplyUsage | undefined;
  /** How often text came: more than once shows that a stream was one. */
  readonly textPieces: number;
  /** `x-sentinel-dropped-params`. */
  readonly droppedParams: readonly string[];
  /** The assistant's message in the client's own format, to be sent back with the next turn. */
  readonly native: unknown;
}

export interface ReplyUsage {
  /** All input, cached or not. */
  readonly input: number;
  readonly cached: number;
  readonly written: number;
  readonly output: number;
}

export type Mode = "whole" | "streamed";
export type ClientName = "openai" | "anthropic";

/** One of the two official clients. */
export interface Client {
  readonly name: ClientName;
  /** Rejects with whatever the SDK throws. `onText` is called with all the text that has come so far. */
  ask(ask: Ask, mode: Mode, onText?: (text: string) => void): Promise<Reply>;
}

export const user = (text: string, image?: Image): Turn =>
  image === undefined ? { from: "user", text } : { from: "user", text, image };

export const modelSaid = (reply: Reply): Turn => ({ from: "model", reply });
