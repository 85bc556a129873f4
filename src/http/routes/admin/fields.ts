import { z } from "zod";

import { mustBe, text } from "../../../config/field-types.ts";
import { Failure } from "../../../errors.ts";

/** What people call a tenant or a key. */
export const nameField = () =>
  text({
    pattern: /^(?!\s)[^\p{Cc}]{1,200}$/u,
    rule: "must be text of 1 to 200 characters on one line, not beginning with a space",
  });

const lastSecond = 253_402_300_799;

/** A moment, written as ISO 8601 or as seconds since 1970; becomes milliseconds. */
export const timeField = () =>
  z
    .union([z.iso.datetime({ offset: true }), z.int().min(0).max(lastSecond)], {
      error: mustBe("must be a time such as 2030-12-31T23:59:59Z, or seconds since 1970"),
    })
    .transform((time) => (typeof time === "number" ? time * 1_000 : Date.parse(time)));

/** Times go out as seconds since 1970, as OpenAI's do. */
export function toSeconds(ms: number): number;
export function toSeconds(ms: number | null): number | null;
export function toSeconds(ms: number | null): number | null {
  return ms === null ? null : Math.floor(ms / 1_000);
}

/** The 404 for what does not exist, or not for this administrator. Quotes nothing: it may be a whole key. */
export function noSuch(what: "tenant" | "key" | "provider" | "price" | "judge"): Failure {
  const message = `There is no such ${what}. GET /admin/v1/${what}s lists those that there are.`;
  return new Failure("not_found", message);
}
