/** What sets Gemini's generations apart for a request. */
export interface ModelTraits {
  /** How the model is told to think: with a budget of tokens, with a level, or not at all. */
  readonly thinking: "budget" | "level" | "none";
  /** Refuses function calls without their thought signatures, and takes files inside function results. */
  readonly isGemini3: boolean;
  /** Has no system instruction: it goes into the conversation. */
  readonly isGemma: boolean;
}

/**
 * A name that Google made up later counts as the newest generation: only the older ones are known by name.
 * (https://ai.google.dev/gemini-api/docs/models, read 2026-11-21)
 */
export function traitsOf(model: string): ModelTraits {
  const name = bareName(model).toLowerCase();
  const isGemini = name.startsWith("gemini-");
  const isOlder = /^gemini-(?:[12](?:[.-]|$)|pro(?:$|-vision)|exp|robotics-er-1\.5)/.test(name);
  const isGemini3 = isGemini && !isOlder && !name.startsWith("gemini-embedding");
  const makesMedia = /-(?:image|tts|live|native-audio)/.test(name);
  const thinks = !makesMedia && (isGemini3 || name.startsWith("gemini-2.5"));
  return {
    thinking: !thinks ? "none" : isGemini3 ? "level" : "budget",
    isGemini3,
    isGemma: name.startsWith("gemma-"),
  };
}

/** `gemini-2.5-flash`, also where the client wrote `models/gemini-2.5-flash`. */
export function bareName(model: string): string {
  return model.startsWith("models/") ? model.slice("models/".length) : model;
}
