import type { KeyCheck } from "../../wiring-cli.ts";
import type { Answer } from "../gateway-client.ts";
import { ok, warn, fail } from "./finding.ts";
import type { Finding } from "./finding.ts";

/** What a provider said to each of its keys, when it was asked for its models. */
export function judgeProvider(
  name: string,
  checks: readonly KeyCheck[] | undefined,
): readonly Finding[] {
  if (checks === undefined) {
    return [warn("providers", `${name}: its key cannot be tried without a paid request`)];
  }
  return checks.map((check) => judgeKey(name, check));
}

function judgeKey(name: string, { key, outcome, models, status, detail }: KeyCheck): Finding {
  const whose = key === "" ? name : `${name}, key ${key}`;
  switch (outcome) {
    case "listed":
      return ok("providers", `${whose}: accepted, ${models} ${models === 1 ? "model" : "models"}`);
    case "refused":
      return fail(
        "providers",
        `${whose}: refused with ${status ?? "an error"}`,
        key === ""
          ? "It wants a key: set one."
          : "Make a new key at the vendor, and put it in place of this one. If it is right, see whether it may list models.",
      );
    case "no list":
      return warn(
        "providers",
        `${whose}: reached, but it lists no models (${status ?? "?"}), so the key is not tried`,
      );
    case "unreachable":
      return fail(
        "providers",
        `${whose}: not reached. ${detail}`,
        "See whether its base URL is right, and whether this machine may connect to it (firewall, proxy, DNS).",
      );
  }
}

/** How the running gateway finds its providers: those that were stored through the admin API too. */
export function judgeRunning(providers: readonly Answer[]): readonly Finding[] {
  return providers.flatMap((provider) => {
    const status = provider["status"] as { readonly health?: unknown } | null | undefined;
    const name = String(provider["name"]);
    const problem = provider["problem"];
    if (typeof problem === "string") return [fail("providers", `${name}: ${problem}`)];
    switch (status?.health) {
      case "down":
        return [
          fail(
            "gateway",
            `finds ${name} down`,
            `GET /admin/v1/providers/${name} has its last errors.`,
          ),
        ];
      case "degraded":
        return [
          warn(
            "gateway",
            `finds ${name} degraded`,
            `GET /admin/v1/providers/${name} has its last errors.`,
          ),
        ];
      default:
        return [];
    }
  });
}
