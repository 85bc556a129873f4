import type { z } from "zod";

import { Failure } from "../errors.ts";

/**
 * Checks a request body against its schema. Throws `invalid_value` with the first field at fault as `param`,
 * written as OpenAI writes it (`messages[0].content`), and OpenAI's code for what is wrong with it.
 */
export function checkRequest(schema: z.ZodType, body: unknown): void {
  const result = schema.safeParse(body);
  if (result.success) return;
  const issue = deepest(result.error.issues[0]);
  if (issue === undefined) throw new Failure("invalid_value", "The request body is not valid.");
  const param = paramOf(issue.path);
  const { code, reason } = explain(issue, body);
  const where = param === "" ? "The request body" : `'${param}'`;
  throw new Failure("invalid_value", `${where} ${reason}`, {
    code,
    ...(param === "" ? {} : { param }),
  });
}

type Issue = z.core.$ZodIssue;

/** In a union, the alternative that came furthest: the one that the caller most likely meant. */
function deepest(issue: Issue | undefined): Issue | undefined {
  if (issue?.code !== "invalid_union") return issue;
  const inner = issue.errors
    .map((issues) => deepest(issues[0]))
    .filter((candidate) => candidate !== undefined && candidate.path.length > 0)
    .sort((a, b) => (b?.path.length ?? 0) - (a?.path.length ?? 0))[0];
  return inner === undefined ? issue : { ...inner, path: [...issue.path, ...inner.path] };
}

function paramOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) =>
      typeof part === "number" ? `[${part}]` : `${index === 0 ? "" : "."}${String(part)}`,
    )
    .join("");
}

function explain(issue: Issue, body: unknown): { code: string; reason: string } {
  if (valueAt(body, issue.path) === undefined) {
    return { code: "missing_required_parameter", reason: "is required." };
  }
  switch (issue.code) {
    case "invalid_type":
      return { code: "invalid_type", reason: `must be ${article(issue.expected)}.` };
    case "invalid_union":
      return { code: "invalid_type", reason: "has a type that this field does not take." };
    case "too_small":
      return issue.origin === "array"
        ? { code: "empty_array", reason: `must have at least ${issue.minimum} element(s).` }
        : { code: "invalid_value", reason: `must be at least ${tooShort(issue)}.` };
    case "too_big":
      return { code: "invalid_value", reason: `must be at most ${tooLong(issue)}.` };
    case "invalid_value":
      return {
        code: "invalid_value",
        reason: `must be one of: ${issue.values.map(String).join(", ")}.`,
      };
    default:
      return { code: "invalid_value", reason: "is not valid." };
  }
}

function tooShort(issue: z.core.$ZodIssueTooSmall): string {
  return `${issue.minimum}${issue.origin === "string" ? " characters long" : ""}`;
}

function tooLong(issue: z.core.$ZodIssueTooBig): string {
  return `${issue.maximum}${issue.origin === "string" ? " characters long" : ""}`;
}

function article(type: string): string {
  if (type === "int") return "a whole number";
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  let value = body;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, part) as unknown;
  }
  return value;
}
