import { askAdmin, untilLearnt, type DemoClient } from "./client.ts";
import { plainQuestion, politeQuestion, rewordedQuestion } from "./questions.ts";
import type { DemoTenants } from "./tenants.ts";

/** What the demo did before its traffic began. */
export interface WarmUp {
  /** Topics that the semantic cache knows. */
  readonly topics: number;
  readonly questions: number;
  /** Which channels may serve by now. */
  readonly channels: readonly string[];
}

interface WarmUpDeps {
  readonly url: string;
  readonly adminToken: string;
  readonly client: DemoClient;
  readonly tenants: DemoTenants;
  readonly signal: AbortSignal;
}

/** The bound of the demo's tenant (20 %) takes 14 checks without an error, and is looked at first at twice as many. */
const topics = 80;
/** Two waves of rewordings: the first makes an answer's other names, the second confirms them. */
const waves = [politeQuestion, rewordedQuestion];
const atOnce = 8;

/** Uses up two budgets, one nearly and one altogether. */
export const spendBudgets = (deps: Pick<WarmUpDeps, "client" | "tenants">): Promise<unknown> =>
  Promise.all([spend(deps, "nearly-spent"), spend(deps, "spent")]);

/**
 * Asks the same things in three ways, so that the semantic cache has checked by itself that what it would serve is
 * right: nothing is put into it.
 */
export async function warmUp(deps: WarmUpDeps): Promise<WarmUp> {
  const { url, client, tenants, signal } = deps;
  let questions = 0;
  for (const wording of [plainQuestion, ...waves]) {
    const indices = Array.from({ length: topics }, (_, index) => index);
    const lane = async (): Promise<void> => {
      for (let index = indices.pop(); index !== undefined; index = indices.pop()) {
        if (signal.aborted) return;
        questions++;
        const messages = [{ role: "user", content: wording(index) }];
        await client.ask({
          path: "/v1/chat/completions",
          key: tenants["help-desk"].key,
          body: { model: "support", temperature: 0, messages },
        });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    await untilLearnt(url);
  }
  return { topics, questions, channels: await openChannels(deps) };
}

/** An answer that costs 93 cents, whatever its client thought that it might. */
const spend = (
  { client, tenants }: Pick<WarmUpDeps, "client" | "tenants">,
  tenant: "nearly-spent" | "spent",
) =>
  client.ask({
    path: "/v1/chat/completions",
    key: tenants[tenant].key,
    body: {
      model: "atlas-costly",
      max_tokens: 16,
      messages: [{ role: "user", content: "Write as much as you can." }],
    },
  });

async function openChannels(deps: WarmUpDeps): Promise<readonly string[]> {
  const status = (await askAdmin(deps, "/cache?tenant=help-desk")) as {
    readonly semantic?: { readonly channels?: Readonly<Record<string, { can_serve?: boolean }>> };
  };
  return Object.entries(status.semantic?.channels ?? {}).flatMap(([name, channel]) =>
    channel.can_serve === true ? [name] : [],
  );
}
