import type { Books } from "./stores/books/open.ts";
import type { TenantRetention } from "./stores/books/protocol.ts";
import type { Log } from "./telemetry/log.ts";
import type { ListPosition, TenantStore } from "./tenants/tenant-store.ts";

const everyMs = 3_600_000;
const pageTenants = 500;

/** Tells the books, now and every hour, how long each tenant has its records and payloads kept. */
export function tenantRetention(
  tenants: Pick<TenantStore, "listTenants">,
  books: Pick<Books, "keepFor">,
  log: Log,
): Disposable {
  const tell = (): void => {
    readAll(tenants).then(
      (all) => {
        books.keepFor(all);
      },
      (error: unknown) => {
        log.warn(
          { err: error },
          "how long tenants keep their records was not read; in an hour again",
        );
      },
    );
  };
  tell();
  const timer = setInterval(tell, everyMs).unref();
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
    },
  };
}

async function readAll(
  tenants: Pick<TenantStore, "listTenants">,
): Promise<readonly TenantRetention[]> {
  const all: TenantRetention[] = [];
  let after: ListPosition | undefined;
  for (;;) {
    const page = await tenants.listTenants({ limit: pageTenants, after });
    for (const { id, policy } of page) {
      all.push({
        tenantId: id,
        auditDays: policy.audit_retention_days,
        payloadDays: policy.payload_retention_days,
      });
    }
    after = page.at(-1);
    if (page.length < pageTenants) return all;
  }
}
