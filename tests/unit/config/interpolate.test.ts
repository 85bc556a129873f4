import fc from "fast-check";
import { expect, test } from "vitest";
import { interpolate } from "../../../src/config/interpolate.ts";

const environment = { KEY: "sk-value", HOST: "gpu ", EMPTY: "", TRICK: "${KEY}" };

test("text takes its variables at every depth, and names stay as they are", () => {
  const file = { "${KEY}": [{ url: "http://${HOST}:1/${HOST}" }, 5, null, true] };
  expect(interpolate(file, environment)).toEqual({
    value: { "${KEY}": [{ url: "http://gpu:1/gpu" }, 5, null, true] },
    problems: [],
  });
});

test("two dollars stand for one, and what a variable holds is not read again", () => {
  expect(interpolate(["$${KEY}", "a$b$", "${TRICK}", "$$${KEY}"], environment).value).toEqual([
    "${KEY}",
    "a$b$",
    "${KEY}",
    "$${KEY}",
  ]);
});

test.each([
  ["${MISSING}", "uses ${MISSING}, which is not set"],
  ["${EMPTY}", "uses ${EMPTY}, which is not set"],
  ["${KEY:-other}", "has a ${ that does not begin a ${NAME}"],
  ["${KEY", "has a ${ that does not begin a ${NAME}"],
  ["${}", "has a ${ that does not begin a ${NAME}"],
])("%s is a problem at its place", (text, message) => {
  expect(interpolate({ a: [text] }, environment)).toEqual({
    value: { a: [text] },
    problems: [{ path: ["a", 0], message: expect.stringContaining(message) as string }],
  });
});

test("a file that contains itself is refused once", () => {
  const loop: unknown[] = [];
  loop.push(loop, loop);
  const { value, problems } = interpolate({ loop }, environment);
  expect(value).toBeUndefined();
  expect(problems).toHaveLength(1);
});

test("text without a dollar is never changed", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      fc.pre(!JSON.stringify(value).includes("$") && !JSON.stringify(value).includes("__proto__"));
      expect(interpolate({ value }, environment)).toEqual({ value: { value }, problems: [] });
    }),
  );
});
