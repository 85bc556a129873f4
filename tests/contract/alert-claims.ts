import { describe, expect, test } from "vitest";

import type { Alert, AlertClaims } from "../../src/jobs/alert-claims.ts";

/** Opens an empty store, with two views of it as two replicas have them. */
type OpenClaims = () => Promise<
  { readonly claims: AlertClaims; readonly others: AlertClaims } & AsyncDisposable
>;

const anAlert = (fields: Partial<Alert> = {}): Alert => ({
  id: "aa11",
  tenantId: "acme",
  body: '{"text":"Tenant acme …"}',
  expiresAtMs: 5_000,
  ...fields,
});

const term = { nowMs: 1_000, untilMs: 2_000 };
const later = { nowMs: 2_000, untilMs: 3_000, madeSinceMs: 0 };

/** What every store of claimed alerts does. */
export function alertClaimsContract(name: string, openClaims: OpenClaims): void {
  describe(`claims of alerts in ${name}`, () => {
    test("the first to claim an alert has it, and nobody else", async () => {
      await using store = await openClaims();
      const [first, second] = [anAlert(), anAlert({ id: "bb22" })];
      expect(await store.claims.claim([first], term)).toEqual([true]);
      expect(await store.others.claim([first, second], term)).toEqual([false, true]);
      expect(await store.claims.claim([first, second], term)).toEqual([false, false]);
    });

    test("of many who claim the same at once, one has it", async () => {
      await using store = await openClaims();
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          (index % 2 === 0 ? store.claims : store.others).claim([anAlert()], term),
        ),
      );
      expect(answers.filter(([isOurs]) => isOurs === true)).toHaveLength(1);
    });

    test("a claim whose term is over is taken over once, as it was made", async () => {
      await using store = await openClaims();
      const endless = anAlert({ id: "bb22", expiresAtMs: undefined });
      await store.claims.claim([anAlert(), endless], term);
      expect(await store.others.takeOver({ ...later, nowMs: 1_999 }, 10)).toEqual([]);
      const taken = await store.others.takeOver(later, 10);
      expect(taken).toHaveLength(2);
      expect(taken).toEqual(expect.arrayContaining([anAlert(), endless]));
      expect(await store.claims.takeOver(later, 10)).toEqual([]);
      expect(await store.claims.takeOver({ ...later, nowMs: 3_000 }, 1)).toHaveLength(1);
    });

    test("what is finished or too old is not taken over, and stays claimed", async () => {
      await using store = await openClaims();
      await store.claims.claim([anAlert(), anAlert({ id: "bb22" })], term);
      await store.claims.finish("aa11");
      await store.claims.finish("never-heard-of");
      expect(await store.claims.takeOver({ ...later, madeSinceMs: 1_001 }, 10)).toEqual([]);
      const taken = await store.claims.takeOver(later, 10);
      expect(taken.map(({ id }) => id)).toEqual(["bb22"]);
      expect(await store.others.claim([anAlert()], term)).toEqual([false]);
    });

    test("claims of periods that are over are forgotten a bounded number at a time", async () => {
      await using store = await openClaims();
      const old = ["a", "b", "c"].map((id) => anAlert({ id }));
      const kept = [
        anAlert({ id: "d", expiresAtMs: 5_001 }),
        anAlert({ id: "e", expiresAtMs: undefined }),
      ];
      await store.claims.claim([...old, ...kept], term);
      expect(await store.claims.forgetExpired(5_000, 2)).toBe(2);
      expect(await store.others.forgetExpired(5_000, 2)).toBe(1);
      expect(await store.others.forgetExpired(5_000, 2)).toBe(0);
      expect(await store.claims.claim([...old, ...kept], term)).toEqual([
        true,
        true,
        true,
        false,
        false,
      ]);
    });
  });
}
