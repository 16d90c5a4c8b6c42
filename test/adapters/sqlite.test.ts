import { testCases } from "../support/contract.ts";
import { otherSqliteCases, sqliteCases } from "../support/subjects/sqlite.ts";

testCases([...sqliteCases, ...otherSqliteCases]);
