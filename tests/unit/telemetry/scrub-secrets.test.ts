import fc from "fast-check";
import { expect, test } from "vitest";

import { describeError } from "../../../src/telemetry/log.ts";
import { scrubSecrets } from "../../../src/telemetry/scrub-secrets.ts";

const jwt = `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${"s".repeat(20)}`;

const secrets: readonly (readonly [what: string, secret: string, around: (s: string) => string])[] =
  [
    ["Sentinel's own key", "sk-sentinel-01abc-Zm9vYmFyYmF6", (s) => `key ${s} is unknown`],
    ["OpenAI's key", "sk-proj-AbCdEf0123456789_-x", (s) => `(${s})`],
    ["Anthropic's key", "sk-ant-api03-AbCdEf-0123", (s) => `"x-api-key":"${s}"`],
    ["Google's key", `AIza${"Sy0-_x".repeat(6)}`, (s) => `key ${s}.`],
    ["Groq's key", "gsk_AbCdEf0123456789", (s) => `with ${s}`],
    ["xAI's key", "xai-AbCdEf0123456789", (s) => `with ${s}`],
    ["a bearer token", "dGhpcy1pcy1hLXRva2Vu", (s) => `authorization: Bearer ${s}`],
    ["a token of three parts", jwt, (s) => `token=${s}`],
    ["an address's password", "p@ss:w0rd", (s) => `redis://user:${s}@redis:6379 is down`],
    ["an address's password alone", "hunter2hunter2", (s) => `rediss://:${s}@[::1]:6379/0`],
    ["a key in a query", "c2VjcmV0", (s) => `GET https://x.example/v1?alt=sse&key=${s}#top`],
    ["a header", "opaque-header-value", (s) => `x-api-key: ${s}, accept: */*`],
    ["a field", "opaque-field-value", (s) => `{"api_key": "${s}", "model": "m"}`],
    [
      "a token by its name",
      "opaque-token",
      (s) => `x-auth-token: ${s} and {"access_token":"${s}"}`,
    ],
    ["a password", "opaque-password", (s) => `password=${s}`],
  ];

test.each(secrets)("%s is taken out, and what stands around it stays", (_what, secret, around) => {
  const scrubbed = scrubSecrets(around(secret));
  expect(scrubbed).not.toContain(secret);
  expect(scrubbed).toContain("[redacted]");
});

test.each([
  "connect ECONNREFUSED 127.0.0.1:4318",
  "The provider openai closed the connection.",
  "SQLITE_BUSY: database is locked at /var/lib/sentinel/data/ledger.db",
  "request 01KC2J9M4T0000000000000000 of tenant acme took 12.5 ms",
  "https://docs.example.com/a/b#c is where it says so",
  "task-list and risk-assessment are words",
  "max_tokens: 4096 is above what the model allows",
])("%s has nothing to hide", (text) => {
  expect(scrubSecrets(text)).toBe(text);
});

test("a secret is found wherever it stands between other words", () => {
  const word = fc.stringMatching(/^[ -~\n]{0,40}$/);
  fc.assert(
    fc.property(word, word, (before, after) => {
      const key = "sk-sentinel-01abc-Zm9vYmFyYmF6";
      expect(scrubSecrets(`${before} ${key} ${after}`)).not.toContain(key);
    }),
  );
});

test.each([
  ["letters", "a"],
  ["beginnings of keys", "sk-"],
  ["beginnings of tokens", "eyJ"],
  ["tokens that do not end", "-eyJaaaa"],
  ["schemes", "a://"],
  ["addresses that do not end", "://a"],
  ["queries", "?a"],
  ["names of fields", "api_key "],
  ["quotes", 'password"'],
  ["spaces", "Bearer      "],
])("a long text of %s costs no more than its length", (_what, piece) => {
  const text = piece.repeat(Math.ceil(200_000 / piece.length));
  const beganMs = performance.now();
  scrubSecrets(text);
  expect(performance.now() - beganMs).toBeLessThan(500);
});

test("an error is described without secrets: message, stack, and causes to a depth", () => {
  const key = "sk-sentinel-01abc-Zm9vYmFyYmF6";
  const cause = new Error(`redis://user:hunter2@redis:6379 does not answer\nsecond line ${key}`);
  const described = describeError(new Error(`no ${key}`, { cause }));
  const text = JSON.stringify(described);
  expect(text).not.toContain(key);
  expect(text).not.toContain("hunter2");
  expect(described).toMatchObject({
    name: "Error",
    message: "no [redacted]",
    cause: { message: "redis://[redacted]@redis:6379 does not answer\nsecond line [redacted]" },
  });
  expect(Reflect.get(described, "stack")).toContain("scrub-secrets.test.ts");
});

test("an error that is its own cause is described all the same", () => {
  const error = new Error("round");
  error.cause = error;
  expect(JSON.stringify(describeError(error)).length).toBeLessThan(100_000);
});

test("what a parser quotes of what it read is somebody's text, and left out", () => {
  let thrown: unknown;
  try {
    JSON.parse('the prompt of "somebody"');
  } catch (error) {
    thrown = error;
  }
  const text = JSON.stringify(describeError(thrown));
  expect(text).not.toContain("prompt");
  expect(text).toContain("is not valid JSON");
});

test("an endless message is cut", () => {
  const described = describeError(new Error("x".repeat(1_000_000)));
  expect(JSON.stringify(described).length).toBeLessThan(50_000);
});
