import { runAutocannon } from "../load/autocannon-run.ts";
import { answersSomething, type LoadContext, type LoadScenario } from "../load/scenario.ts";
import type { Measured } from "../load/measured.ts";
import { chatPath, freshChat } from "../load/requests.ts";
import { withTenants } from "../load/tenants.ts";

const tenantCount = 20;
/** The last of them may ask this often a minute, and is to be the only one who is refused. */
const requestsPerMinute = 5;

/** Many tenants at once: limits hold for whom they were set, and for nobody else. */
export const manyTenants: LoadScenario = {
  name: "many-tenants",
  summary: `${tenantCount} tenants at once, one with a narrow limit: it alone is refused (needs the admin token)`,
  defaults: { seconds: 15, connections: 40 },
  modelsOf: (model) => [model],
  drive,
  expect: (measured) => [
    answersSomething(measured),
    {
      says: "nobody was refused but the tenant with the limit, and it was",
      isMet: measured.faults.length === 0,
    },
    {
      says: "nobody got another error than 429",
      isMet: Object.keys(measured.statuses).every((status) => /^2|^429$/.test(status)),
    },
    { says: "no connection failed", isMet: measured.errorCount === 0 },
  ],
};

async function drive({ gateway, size, model, live, signal }: LoadContext): Promise<Measured> {
  const policies = Array.from({ length: tenantCount }, (_, index) =>
    index === tenantCount - 1 ? { limits: { requests_per_minute: requestsPerMinute } } : {},
  );
  return withTenants(gateway, policies, async (tenants) => {
    const limited = tenants.at(-1)?.id;
    const refused = new Map<string, number>();
    const answered = new Map<string, number>();
    let turn = 0;
    const measured = await runAutocannon({
      ...{ url: gateway.url, size, live, signal },
      next: () => {
        const tenant = tenants[turn++ % tenants.length] ?? { id: "", key: "" };
        return { path: chatPath, key: tenant.key, body: freshChat(model), who: tenant.id };
      },
      onAnswer: (status, who) => {
        const counts = status === 429 ? refused : answered;
        counts.set(who, (counts.get(who) ?? 0) + 1);
      },
    });
    const others = [...refused].filter(([who]) => who !== limited);
    const counts = [...answered.values()].sort((left, right) => left - right);
    return {
      ...measured,
      notes: [
        `${tenants.length} tenants, ${counts[0] ?? 0} to ${counts.at(-1) ?? 0} answers each; the limited one was refused ${refused.get(limited ?? "") ?? 0} times`,
      ],
      faults: [
        ...others.map(([who, count]) => `${who} was refused ${count} times`),
        ...(refused.has(limited ?? "") ? [] : ["the limited tenant was never refused"]),
      ],
    };
  });
}
