import { journalSinkContract } from "./journal-sink.ts";
import { openSqliteBooks } from "./sqlite-books.ts";

journalSinkContract("SQLite", openSqliteBooks);
