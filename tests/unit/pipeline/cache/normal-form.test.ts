import fc from "fast-check";
import { expect, test } from "vitest";

import { normalForm } from "../../../../src/pipeline/cache/normal-form.ts";

test("case, contractions, articles, courtesies and the last mark make no difference", () => {
  const form = "what is capital of france";
  for (const text of [
    "What's the capital of France?",
    "what is the capital of france",
    "Hi, what is the capital of France please",
    "Hello! Kindly, what's the capital of France?!",
    "  WHAT IS   the capital of France ?",
    "what’s the capital of france...",
  ]) {
    expect(normalForm(text), text).toBe(form);
  }
});

test("what carries meaning stays", () => {
  const pairs = [
    ["Is it open?", "Is it not open?"],
    ["Can I cancel?", "I can cancel"],
    ["Do I pay 1.5 euros?", "Do I pay 15 euros?"],
    ["Do I pay €5?", "Do I pay $5?"],
    ["How do I say hello in French?", "How do I say hi in French?"],
    ["Is hepatitis a contagious?", "Is hepatitis contagious?"],
    ["No. Stop that", "No stop that"],
    ["What do we owe them?", "What does he owe them?"],
    ["Is 5 more than 4?", "Is 4 more than 5?"],
    ["What is 1,000 in words?", "What is 1 000 in words?"],
    ["Hello is a song by whom?", "is a song by whom?"],
  ] as const;
  for (const [one, other] of pairs) expect(normalForm(one), one).not.toBe(normalForm(other));
});

test("only plain prose has a normal form", () => {
  for (const text of [
    "",
    "   ",
    "?",
    "hello",
    "What is 2+2?",
    "if (a < b) return c;",
    "Translate: good morning",
    'What does "a" mean?',
    "SELECT * FROM users",
    "first line\nsecond line",
    "look at node.js",
    "mail me@example.com",
    "what is a_b",
    "What does US mean?",
    "who are The Who",
    "Is 5 - 3 two?",
    Array.from({ length: 41 }, () => "word").join(" "),
  ]) {
    expect(normalForm(text), text).toBeUndefined();
  }
  expect(normalForm(Array.from({ length: 40 }, () => "word").join(" "))).toBeDefined();
});

test("words are only dropped, never changed, added or moved", () => {
  const word = fc.constantFrom(
    ..."the a an please kindly hi hello hey is it who vitamin 5 1,000 $5 50% card well-known".split(
      " ",
    ),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 20 }), (words) => {
      const kept = (normalForm(words.join(" ")) ?? "").split(" ").filter(Boolean);
      let at = 0;
      for (const next of words) if (next === kept[at]) at++;
      const dropped = words.length - kept.length;
      const droppable = words.filter((next) =>
        /^(?:the|an?|please|kindly|hi|hello|hey)$/.test(next),
      );
      return at === kept.length && (kept.length === 0 || dropped <= droppable.length);
    }),
  );
});

test("case never makes a difference to what has a form both ways", () => {
  const words = fc.array(
    fc.constantFrom(..."how do i change the pin of my card today please".split(" ")),
    { minLength: 1, maxLength: 15 },
  );
  fc.assert(
    fc.property(words, (list) => {
      const text = list.join(" ");
      return normalForm(text) === normalForm(text.charAt(0).toUpperCase() + text.slice(1));
    }),
  );
});
