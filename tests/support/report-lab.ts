import type { AddressInfo } from "node:net";

// Before any server is made, which replaces `Response`: files that share this process load it only later otherwise, and
// what says "it is sent already" is an answer like any other then.
import "@hono/node-server/utils/response";
import { Hono } from "hono";
import { pino } from "pino";

import { Failure } from "../../src/errors.ts";
import type { AppEnv } from "../../src/http/context.ts";
import { Cors } from "../../src/http/cors.ts";
import { failureResponse } from "../../src/http/failure-response.ts";
import { authenticateAdmin, authenticateCaller } from "../../src/http/middleware/authenticate.ts";
import { requestId } from "../../src/http/middleware/request-id.ts";
import { auditRoutes } from "../../src/http/routes/v1/audit.ts";
import { feedbackRoutes } from "../../src/http/routes/v1/feedback.ts";
import type { FeedbackRoutesDeps, NegativeFeedback } from "../../src/http/routes/v1/feedback.ts";
import { usageRoutes } from "../../src/http/routes/v1/usage.ts";
import type { UsageRoutesDeps } from "../../src/http/routes/v1/usage.ts";
import { createHttpServer } from "../../src/http/server.ts";
import type { AuditLog } from "../../src/pipeline/audit/audit-log.ts";
import type { AuditRecord } from "../../src/pipeline/audit/entry.ts";
import type { Caller, Role } from "../../src/tenants/tenant.ts";
import { openSqliteBooks } from "../contract/sqlite-books.ts";
import { aWriter } from "./audit-builders.ts";

export interface Answered {
  readonly status: number;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ReportLab extends AsyncDisposable {
  /** Journals records, which the books have with the next question. */
  journal(...records: readonly AuditRecord[]): void;
  readonly journalled: readonly AuditRecord[];
  readonly complaints: readonly NegativeFeedback[];
  /** The audit log does not answer. */
  isDown: boolean;
  /** `key` is `<role> of <tenant>`; JSON, or text as it is. */
  post(path: string, body: unknown, options?: AskOptions): Promise<Answered>;
  get(path: string, options?: AskOptions): Promise<Answered>;
}

export interface AskOptions {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type LabDeps = Partial<
  Pick<UsageRoutesDeps, "calibrationOf"> & Pick<FeedbackRoutesDeps, "isEvaluator">
>;

/** The reports and the feedback behind a real socket, over books in SQLite that a journal feeds. */
export async function startReportLab(deps: LabDeps = {}): Promise<ReportLab> {
  await using opening = new AsyncDisposableStack();
  const books = opening.use(await openSqliteBooks());
  const writer = aWriter();
  const journalled: AuditRecord[] = [];
  const complaints: NegativeFeedback[] = [];
  const state = { isDown: false, taken: 0 };
  const record = (one: AuditRecord): void => void journalled.push(one);
  const settled = async (): Promise<void> => {
    const fresh = journalled.slice(state.taken);
    state.taken += fresh.length;
    await books.sink.take(writer.batch(writer.lines(fresh)));
  };
  const auditLog: AuditLog = {
    ...books.auditLog,
    get: (...args) =>
      state.isDown
        ? Promise.reject(new Failure("store_unavailable", "down"))
        : books.auditLog.get(...args),
  };
  const reports = {
    auditLog,
    usageLedger: books.ledger,
    settled,
    nowMs: Date.now,
    hasTenant: () => Promise.resolve(true),
    calibrationOf: () => undefined,
    forgetJudged: () => Promise.resolve(false),
    ...deps,
  };
  const app = appOf(reports, {
    auditLog,
    settled,
    nowMs: Date.now,
    journal: { record },
    isEvaluator: (name) => name !== "unheard-of",
    onNegative: (complaint) => complaints.push(complaint),
    ...deps,
  });
  const url = await listening(app, opening);
  const ask = askOver(url);
  const resources = opening.move();
  return {
    journal: (...records) => {
      records.forEach(record);
    },
    journalled,
    complaints,
    get isDown() {
      return state.isDown;
    },
    set isDown(isDown) {
      state.isDown = isDown;
    },
    post: (path, body, options) =>
      ask(
        path,
        { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) },
        options,
      ),
    get: (path, options) => ask(path, {}, { key: "viewer of acme", ...options }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function appOf(
  reports: UsageRoutesDeps & Parameters<typeof auditRoutes>[0],
  feedback: FeedbackRoutesDeps,
): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ strict: false });
  const cors = new Cors([]);
  app.use(requestId);
  app.use("/v1/feedback", authenticateCaller(callerOf));
  for (const path of ["/v1/usage", "/v1/audit/*"]) {
    app.use(
      path,
      authenticateAdmin(callerOf, () => false),
    );
  }
  app.route("/v1/feedback", feedbackRoutes(feedback));
  app.route("/v1/usage", usageRoutes(reports));
  app.route("/v1/audit", auditRoutes(reports));
  app.onError((error, c) => failureResponse(c, error, cors));
  return app;
}

function callerOf(token: string): Caller {
  const [role = "", , tenantId = ""] = token.split(" ");
  return { tenantId, keyId: `key-of-${tenantId}`, role: role as Role, policies: [] };
}

async function listening(app: Hono<AppEnv>, opening: AsyncDisposableStack): Promise<string> {
  const limits = { headerBytesMax: 16_384, headerMs: 10_000, bodyMs: 10_000 };
  const server = createHttpServer(app, limits, pino({ level: "silent" }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opening.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const askOver =
  (url: string) =>
  async (path: string, init: RequestInit, options: AskOptions = {}): Promise<Answered> => {
    const { key = "inference of acme", headers = {} } = options;
    const common = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const answer = await fetch(url + path, { ...init, headers: { ...common, ...headers } });
    const text = await answer.text();
    const isJson = answer.headers.get("content-type") === "application/json";
    return {
      status: answer.status,
      text,
      body: isJson ? (JSON.parse(text) as Answered["body"]) : {},
    };
  };
