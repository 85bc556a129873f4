import type { ServerResponse } from "node:http";

/** As nginx has it, for a client that left. */
const clientLeft = 499;

/** The status of an answer that is over: its own, if the client has all of it. */
export const answeredStatus = ({ writableFinished, statusCode }: ServerResponse): number =>
  writableFinished ? statusCode : clientLeft;
