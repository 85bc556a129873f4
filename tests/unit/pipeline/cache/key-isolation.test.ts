import fc from "fast-check";
import { expect, test } from "vitest";

import { fromObject } from "../../../../src/lib/json-text.ts";
import { exactKey, shardKey } from "../../../../src/pipeline/cache/key.ts";
import type { KeyParts } from "../../../../src/pipeline/cache/key.ts";
import { semanticQuestion } from "../../../../src/pipeline/cache/semantic-question.ts";
import { bodyAt, headersAt, placeChoices, placeText } from "../../../support/cached-places.ts";
import type { CachedPlace } from "../../../support/cached-places.ts";

/** Whole requests, as tenants send them: what is not the same in every respect shares neither a key nor a shard. */

const anyText = fc.string({ unit: "binary", minLength: 1, maxLength: 6 });
/** One of the near ones, or anything. */
const either = <Value>(
  choices: readonly Value[],
  other: fc.Arbitrary<Value>,
): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...choices) }, { weight: 1, arbitrary: other });

const place: fc.Arbitrary<CachedPlace> = fc.record({
  tenant: either(placeChoices.tenant, anyText),
  endpoint: fc.constantFrom(...placeChoices.endpoint),
  model: either(placeChoices.model, anyText),
  pin: either(placeChoices.pin, anyText),
  system: either(placeChoices.system, anyText),
  turns: either(placeChoices.turns, fc.array(anyText, { maxLength: 3 })),
  seed: either(placeChoices.seed, fc.integer()),
  format: either(placeChoices.format, anyText),
  tool: either(placeChoices.tool, anyText),
  beta: either(placeChoices.beta, anyText),
});
const question = fc.oneof(fc.constantFrom("Hi", "Hi ", "hi", "Hello."), anyText);
const names = Object.keys(placeChoices) as (keyof CachedPlace)[];

/** Two that differ in some respects, often in one alone. */
const pair = fc
  .record({
    one: place,
    other: place,
    taken: fc.subarray(names),
    question,
    other_question: question,
    isSameQuestion: fc.boolean(),
  })
  .map(({ one, other, taken, question: asked, other_question: otherAsked, isSameQuestion }) => ({
    left: { place: one, question: asked },
    right: {
      place: { ...one, ...Object.fromEntries(taken.map((name) => [name, other[name]])) },
      question: isSameQuestion ? asked : otherAsked,
    },
  }));

interface Asked {
  readonly place: CachedPlace;
  readonly question: string;
}

const targetsOf = new Map<string, KeyParts["targets"]>();
function partsOf({ place: at, question: asked }: Asked): KeyParts {
  const targets = targetsOf.get(at.model) ?? [{ name: `test/${at.model}` }];
  targetsOf.set(at.model, targets);
  return {
    tenantId: at.tenant,
    endpoint: at.endpoint,
    model: at.model,
    targets,
    strategy: "priority",
    pinnedProvider: at.pin,
    clientHeaders: headersAt(at),
    request: fromObject(bodyAt(at, asked)),
  };
}

function shardOf(asked: Asked): string | undefined {
  const parts = partsOf(asked);
  const found = semanticQuestion(parts.endpoint, fromObject(bodyAt(asked.place, asked.question)));
  if (found.kind === "bypass") return undefined;
  return shardKey({ ...parts, request: { text: found.scope } });
}

test("no two requests share a key that differ in tenant, prompt, parameters, format, tools, model, pin or endpoint", () => {
  fc.assert(
    fc.property(pair, ({ left, right }) => {
      const areSame =
        placeText(left.place) === placeText(right.place) && left.question === right.question;
      expect(exactKey(partsOf(left)) === exactKey(partsOf(right))).toBe(areSame);
    }),
    { numRuns: 5_000 },
  );
});

test("no two share a shard that differ in more than the last user message", () => {
  let shardCount = 0;
  fc.assert(
    fc.property(pair, ({ left, right }) => {
      const [one, other] = [shardOf(left), shardOf(right)];
      if (one === undefined || other === undefined) return;
      shardCount += 1;
      expect(one === other).toBe(placeText(left.place) === placeText(right.place));
      expect([exactKey(partsOf(left)), exactKey(partsOf(right))]).not.toContain(one);
    }),
    { numRuns: 5_000 },
  );
  expect(shardCount).toBeGreaterThan(500);
});
