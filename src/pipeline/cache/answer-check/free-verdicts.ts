import { Lru } from "../../../lib/lru.ts";
import type {
  AnswerCheck,
  AnswerCheckRefusal,
  AnswerPair,
  AnswerVerdict,
} from "../answer-check.ts";

/** Tenants whose last call gave no verdict; at the bound the oldest is taken to have got one. */
const tenantsMax = 10_000;

/**
 * Spares the call where the two texts are the same, as those of a model at temperature 0 often are. It gives a verdict
 * then as often as the calls do: if the last one gave none, neither does this. Otherwise "right" would come for free and
 * "wrong" not at all, and a tenant whose judge is broken or unpaid would learn that everything may be served.
 */
export function withFreeVerdicts(inner: AnswerCheck): AnswerCheck {
  const silent = new Lru<string, true>(tenantsMax);

  const call = async (pair: AnswerPair): Promise<AnswerVerdict | AnswerCheckRefusal> => {
    const { tenantId } = pair;
    try {
      const verdict = await inner.same(pair);
      if ("refused" in verdict) silent.set(tenantId, true);
      else silent.delete(tenantId);
      return verdict;
    } catch (error) {
      silent.set(tenantId, true);
      throw error;
    }
  };

  return {
    async same(pair) {
      if (!isSameText(pair.cached, pair.fresh)) return call(pair);
      if (silent.get(pair.tenantId) === true) return { refused: "withheld" };
      return { isSame: true, nanoUsd: 0 };
    },
  };
}

/** But for how lines end and letters are composed: in code and lists the space before a line has a meaning. */
export const isSameText = (left: string, right: string): boolean => plain(left) === plain(right);

const plain = (text: string): string =>
  text
    .normalize("NFC")
    .replaceAll(/[^\S\n]*(?:\r?\n|\r|$)/gu, "\n")
    .trim();
