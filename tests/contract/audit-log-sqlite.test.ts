import { auditLogContract } from "./audit-log.ts";
import { openSqliteBooks } from "./sqlite-books.ts";

auditLogContract("SQLite", openSqliteBooks);
