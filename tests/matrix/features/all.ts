import type { Feature } from "../cell.ts";
import { abort } from "./abort.ts";
import { errorKinds } from "./error-kinds.ts";
import { images } from "./images.ts";
import { inStreamError } from "./in-stream-error.ts";
import { jsonSchema } from "./json-schema.ts";
import { maxTokens } from "./max-tokens.ts";
import { multiTurn } from "./multi-turn.ts";
import { parallelTools } from "./parallel-tools.ts";
import { reasoning } from "./reasoning.ts";
import { refusal } from "./refusal.ts";
import { stop } from "./stop.ts";
import { system } from "./system.ts";
import { text } from "./text.ts";
import { toolResults } from "./tool-results.ts";
import { tools } from "./tools.ts";
import { cachedUsage, usage } from "./usage.ts";

/** The rows of the matrix. */
export const features: readonly Feature[] = [
  text,
  system,
  multiTurn,
  tools,
  parallelTools,
  toolResults,
  images,
  jsonSchema,
  reasoning,
  stop,
  maxTokens,
  refusal,
  usage,
  cachedUsage,
  errorKinds,
  abort,
  inStreamError,
];
