import { parseArgs } from "node:util";

import { gatewayKey } from "../harness/gateway-environment.ts";
import { killChildrenAtExit } from "../harness/start-process.ts";
import { loadAdminToken } from "./gateway-under-load.ts";
import { openLoadStage } from "./stage.ts";

/** `npm run load:gateway`: a mock provider and a gateway that every scenario of `npm run load` can run against. */
const { values } = parseArgs({ options: { port: { type: "string", default: "8000" } } });
killChildrenAtExit();
await using stage = await openLoadStage(Number(values.port));
console.log(`A gateway with a mock provider behind it listens on ${stage.url}

  In another terminal:  npm run load -- steady${values.port === "8000" ? "" : ` --url ${stage.url}`}
  Its metrics:          curl ${stage.url}/metrics/prometheus
  Its log:              tail -f ${stage.logPath}
  Key, admin token:     ${gatewayKey}, ${loadAdminToken}

Ctrl-C ends both.`);
// Ctrl-C ends the process, and with it the two.
await new Promise((_resolve) => setInterval(() => undefined, 1 << 30));
