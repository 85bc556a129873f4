import { usageLedgerContract } from "./usage-ledger.ts";
import { openSqliteBooks } from "./sqlite-books.ts";

usageLedgerContract("SQLite", openSqliteBooks);
