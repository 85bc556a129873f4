import { evaluatorSchema } from "../../../config/judge-config.ts";
import { toEvaluator } from "./evaluator-definition.ts";
import type { FoundEvaluator } from "./evaluator-definition.ts";
import type { StoredEvaluator } from "./judge-store.ts";
import { versionOf } from "./version.ts";

/** A stored evaluator as it can be used, or why it cannot. */
export type StoredReading = { readonly isCurrent: boolean } & (
  | { readonly kind: "read"; readonly found: FoundEvaluator }
  | {
      readonly kind: "unreadable";
      readonly name: string;
      readonly version: string;
      readonly problem: string;
    }
);

/**
 * Its version is what it would be made as today. That is another one than it was stored as where this version of Sentinel
 * words the judge's prompt differently: then its old verdicts are not those that it would come to now.
 */
export function readStoredEvaluator(stored: StoredEvaluator): StoredReading {
  const { name, version, definition, isCurrent, createdAtMs } = stored;
  const parsed = evaluatorSchema.safeParse(definition);
  if (parsed.success) {
    const evaluator = toEvaluator(name, parsed.data, "admin");
    const found = { evaluator, version: versionOf(evaluator), createdAtMs };
    return { kind: "read", isCurrent, found };
  }
  const problem = `This version cannot read the stored evaluator ${name}@${version}. Create it again.`;
  return { kind: "unreadable", isCurrent, name, version, problem };
}
