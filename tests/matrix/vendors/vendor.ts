import type { SeenRequest } from "../../support/scripted-upstream.ts";
import type { Finish } from "../ask.ts";

export type VendorName = "openai" | "anthropic" | "google" | "mistral" | "ollama" | "vllm";

/** What the matrix knows of a vendor: what it refuses, how it reads a request, and how it answers one. */
export interface Vendor {
  readonly name: VendorName;
  /** Where its API begins: `/v1`. */
  readonly basePath: string;
  readonly usualModel: string;
  readonly thinkingModels: readonly {
    readonly model: string;
    readonly thinks: "with-budget" | "as-it-likes";
  }[];
  /** Shows what the model thought. OpenAI's chat only counts it. */
  readonly showsThoughts: boolean;
  /** Says in a field of its own that the model refused. The others have it in their text alone. */
  readonly marksRefusals: boolean;
  /** Counts what it read from its prompt cache, and what it wrote to it. */
  readonly countsCached: boolean;
  readonly countsWritten: boolean;
  /** Fetches images that are named by their address. */
  readonly fetchesImages: boolean;
  /** What came in place of an answer when the prompt itself was refused; undefined for a vendor without. */
  readonly blocked: ((ask: SeenAsk) => Blocked) | undefined;
  /** Throws a `Complaint` where the vendor's documents say that it would refuse the request. */
  check(request: SeenRequest): void;
  read(request: SeenRequest): SeenAsk;
  whole(answer: Answer, ask: SeenAsk): object;
  /** Server-sent events, each with its blank line. */
  events(answer: Answer, ask: SeenAsk): readonly string[];
  /** The body of an error with this status. */
  errorBody(error: VendorError): object;
  /** How an error is told in the middle of a stream. */
  errorEvent(error: VendorError): string;
}

/** What the upstream refuses in a request, as the vendor would. */
export class Complaint extends Error {
  override readonly name = "Complaint";
}

export function refuseIf(isWrong: boolean, message: string): void {
  if (isWrong) throw new Complaint(message);
}

/** Refuses names that the vendor does not know. */
export function refuseUnknown(object: object, known: ReadonlySet<string>, where: string): void {
  const unknown = Object.keys(object).filter((name) => !known.has(name));
  refuseIf(unknown.length > 0, `${where}: unknown ${unknown.join(", ")}`);
}

/** What the model says, to be told in the vendor's format. */
export interface Answer {
  readonly thought?: Thought;
  readonly text?: string;
  readonly toolCalls?: readonly AnsweredCall[];
  readonly finish: Finish;
  /** The stop sequence that was hit. */
  readonly stoppedAt?: string;
  readonly usage: AnswerUsage;
}

export interface Thought {
  readonly text: string;
  readonly signature: string;
  /** Thoughts that Anthropic shows to nobody, and wants back. */
  readonly redacted?: string;
}

export interface AnsweredCall {
  readonly name: string;
  readonly arguments: object;
}

export interface AnswerUsage {
  /** All of it, cached or not. */
  readonly input: number;
  readonly cached: number;
  readonly written: number;
  /** All of it, thoughts included. */
  readonly output: number;
  readonly thoughts: number;
}

export interface Blocked {
  readonly whole: object;
  readonly events: readonly string[];
}

export interface VendorError {
  readonly status: number;
  readonly message: string;
}

/** A request in terms that are the same for all vendors. */
export interface SeenAsk {
  readonly model: string;
  readonly isStream: boolean;
  readonly wantsUsage: boolean;
  readonly system: string;
  readonly turns: readonly SeenTurn[];
  readonly tools: readonly {
    readonly name: string;
    readonly description: string;
    readonly parameters: unknown;
  }[];
  /** `auto` where nothing is said. */
  readonly toolChoice: "auto" | "required" | "none" | { readonly name: string };
  readonly oneToolAtATime: boolean;
  readonly temperature: number | undefined;
  readonly schema: unknown;
  readonly stop: readonly string[];
  readonly maxTokens: number | undefined;
  readonly thinks: boolean;
  /** Something is marked as worth caching. */
  readonly caches: boolean;
}

/** Parts of one side without a part of the other in between. */
export interface SeenTurn {
  readonly role: "user" | "model";
  readonly parts: readonly SeenPart[];
}

export type SeenPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "image"; readonly mediaType: string; readonly base64: string }
  | { readonly kind: "image"; readonly url: string }
  | { readonly kind: "call"; readonly name: string; readonly arguments: unknown }
  | { readonly kind: "result"; readonly name: string; readonly text: string }
  | { readonly kind: "thought"; readonly text: string; readonly signature: string };

/** Parts in order, joined into turns wherever one side goes on. */
export function turnsOf(
  parts: readonly { readonly role: SeenTurn["role"]; readonly part: SeenPart }[],
): SeenTurn[] {
  const turns: { role: SeenTurn["role"]; parts: SeenPart[] }[] = [];
  for (const { role, part } of parts) {
    const last = turns.at(-1);
    if (last?.role === role) last.parts.push(part);
    else turns.push({ role, parts: [part] });
  }
  return turns;
}

/** A text in pieces of a few characters, as models send it. */
export function piecesOf(text: string): readonly string[] {
  return [...text.matchAll(/.{1,7}/gsu)].map(([piece]) => piece);
}
