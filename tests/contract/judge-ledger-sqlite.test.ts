import { judgeLedgerContract } from "./judge-ledger.ts";
import { openSqliteBooks } from "./sqlite-books.ts";

judgeLedgerContract("SQLite", openSqliteBooks);
