import type { z } from "zod";

import { countTokensRequest, messagesRequest } from "./anthropic-schemas.ts";
import {
  chatRequest,
  completionRequest,
  embeddingRequest,
  moderationRequest,
  responsesRequest,
} from "./schemas.ts";

/** OpenAI's text endpoints and Anthropic's two: how each differs, as data. */
export type Endpoint =
  "chat" | "completions" | "embeddings" | "moderations" | "responses" | "messages" | "count_tokens";

export interface EndpointShape {
  readonly schema: z.ZodType;
  /** Where the vendor's API has it, after the base URL. */
  readonly path: string;
  /** How a stream says that it is whole: `data: [DONE]`, or its last event itself. */
  readonly streamEnd: "done-marker" | "last-event" | "never-streams";
  /** The model used when the request names none. */
  readonly defaultModel?: string;
}

export const endpoints: Readonly<Record<Endpoint, EndpointShape>> = {
  chat: { schema: chatRequest, path: "/chat/completions", streamEnd: "done-marker" },
  completions: { schema: completionRequest, path: "/completions", streamEnd: "done-marker" },
  embeddings: { schema: embeddingRequest, path: "/embeddings", streamEnd: "never-streams" },
  moderations: {
    schema: moderationRequest,
    path: "/moderations",
    streamEnd: "never-streams",
    defaultModel: "omni-moderation-latest",
  },
  responses: { schema: responsesRequest, path: "/responses", streamEnd: "last-event" },
  messages: { schema: messagesRequest, path: "/messages", streamEnd: "last-event" },
  count_tokens: {
    schema: countTokensRequest,
    path: "/messages/count_tokens",
    streamEnd: "never-streams",
  },
};
