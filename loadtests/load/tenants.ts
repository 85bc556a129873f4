import { z } from "zod";

import type { GatewayUnderLoad } from "./gateway-under-load.ts";

export interface LoadTenant {
  readonly id: string;
  readonly key: string;
}

const madeSchema = z.looseObject({ id: z.string() });
const madeKeySchema = z.looseObject({ key: z.string() });

/** Makes a tenant with a key for each policy, and deletes them however `use` ends. */
export async function withTenants<Result>(
  gateway: GatewayUnderLoad,
  policies: readonly object[],
  use: (tenants: readonly LoadTenant[]) => Promise<Result>,
): Promise<Result> {
  const { url, adminToken } = gateway;
  if (adminToken === undefined) {
    throw new Error(
      "many-tenants makes tenants, which takes the platform admin's token: give it with --admin-token or SENTINEL_ADMIN_TOKEN.",
    );
  }
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${url}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  const tenants: LoadTenant[] = [];
  try {
    for (const [index, policy] of policies.entries()) {
      const name = `load test ${index + 1}`;
      const { id } = madeSchema.parse(await ask("POST", "/tenants", { name, policy }));
      const made = { id, key: "" };
      tenants.push(made);
      const fields = { tenant: id, name: "load", role: "inference" };
      made.key = madeKeySchema.parse(await ask("POST", "/keys", fields)).key;
    }
    return await use(tenants);
  } finally {
    const gone = tenants.map(({ id }) => ask("DELETE", `/tenants/${id}`));
    const left = (await Promise.allSettled(gone)).filter(({ status }) => status === "rejected");
    if (left.length > 0)
      console.error(`${left.length} tenants named "load test …" were not deleted.`);
  }
}
