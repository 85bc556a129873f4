import type { ModelInfo } from "@pydantic/genai-prices";

type MatchLogic = ModelInfo["match"];

/**
 * Whether the list means this very model. It finds many by how their names begin, so that a name that nobody knew when
 * it was written gets the price of a relative; only a date or a version after a known name is taken for the same model.
 */
export function isVeryModel(model: Pick<ModelInfo, "id" | "match">, name: string): boolean {
  const asked = name.toLowerCase().trim();
  return isSnapshot(asked, model.id.toLowerCase()) || namesIt(model.match, asked);
}

function namesIt(logic: MatchLogic, asked: string): boolean {
  if ("or" in logic) return logic.or.some((one) => namesIt(one, asked));
  if ("and" in logic) return logic.and.some((one) => namesIt(one, asked));
  if ("equals" in logic) return asked === logic.equals.toLowerCase();
  if ("starts_with" in logic) return isSnapshot(asked, logic.starts_with.toLowerCase());
  if ("regex" in logic) return isWholeName.test(logic.regex) && matches(logic.regex, asked);
  return false; // A part of a name says what it is like, and not which one it is.
}

/** From its beginning to its end, and not by what it does not hold. */
const isWholeName = /^\^(?!\(\?!).*\$$/;

function matches(pattern: string, asked: string): boolean {
  return new RegExp(pattern).test(asked);
}

function isSnapshot(asked: string, known: string): boolean {
  return asked.startsWith(known) && snapshot.test(asked.slice(known.length));
}

/** `-2026-03-05`, `-20260305`, `@20260305`, `-0125`, `-001`, `-latest`; and where the pattern ends within one. */
const snapshot = /^(?:[-@]?(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{3,4}|latest))?$/;
