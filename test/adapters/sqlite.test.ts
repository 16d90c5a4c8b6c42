import { testCases } from "../support/contract.ts";
import { sqliteCases } from "../support/subjects/sqlite.ts";

testCases(sqliteCases);
