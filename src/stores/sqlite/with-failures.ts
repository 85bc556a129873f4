import { Failure } from "../../errors.ts";
import type { Database } from "./open.ts";

/** A client can try again a little later: a full queue empties, a full disk is made room on. */
const retryAfterMs = 1_000;

/** The same database, whose calls reject with `store_unavailable` instead of what SQLite said (the cause). */
export const withFailures = (inner: Database): Omit<Database, typeof Symbol.asyncDispose> => ({
  run: (sql, params) => inner.run(sql, params).catch(fail),
  all: (sql, params) => inner.all(sql, params).catch(fail),
  transaction: (statements) => inner.transaction(statements).catch(fail),
});

function fail(cause: unknown): never {
  throw new Failure(
    "store_unavailable",
    "Sentinel's database does not answer. Try again shortly.",
    {
      cause,
      retryAfterMs,
    },
  );
}
