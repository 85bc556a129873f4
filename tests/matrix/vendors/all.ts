import { anthropic } from "./anthropic.ts";
import { google } from "./google.ts";
import { mistral } from "./mistral.ts";
import { ollama } from "./ollama.ts";
import { openAi } from "./openai.ts";
import type { Vendor } from "./vendor.ts";
import { vllm } from "./vllm.ts";

export const vendors: readonly Vendor[] = [openAi, anthropic, google, mistral, ollama, vllm];
